import { lazy, Suspense } from "preact/compat";
import { useEffect } from "preact/hooks";
import type { SimulatedConditions } from "../../client/index.ts";
import type { Controller } from "../control/controller.ts";
import {
  conditionsOf,
  imagined,
  isSimulated,
  present,
  simulate,
  simulated,
  simulateNothing,
  tried,
  tryable,
} from "../control/simulation.ts";
import { blocks, model, nodeFacts, summary } from "../control/store.ts";
import { stateOfPlan } from "../graph/graph-state.ts";
import { formatMs, formatRate } from "../words/format.ts";
import {
  imaginedWords,
  networkAt,
  queueWords,
  type Simulated,
  slowerWords,
} from "../words/imagined-words.ts";
import { NETWORKS, type NetworkName } from "../words/link-words.ts";
import { TEXTS } from "../words/texts.ts";
import { PhaseMapView } from "./phase-map.tsx";
import { type Scale, ScaleSlider, SLOWER, shareOf, UPLOADS } from "./scale-slider.tsx";
import { SplitGraph } from "./split-graph.tsx";

const LastMinute = lazy(() => import("./last-minute.tsx").then((module) => ({ default: module.LastMinute })));

const DELAYS: Scale = { least: 5, most: 1000 };
/** From where no request waits. */
const QUEUES: Scale = { least: 0.9, most: 3000 };

/** Sliders that rest for so long are tried, where something is. */
const REST_MS = 400;

/**
 * What would be planned over another connection, with a busy cloud or a slower phone: computed, nothing is sent. It can be
 * tried, too: then photos and probes really wait for it.
 */
export function WhatIf({ controller }: { readonly controller: Controller }) {
  const at = simulated.value;
  const known = model.value;
  const real = present.value;
  const now = summary.value;
  useEffect(() => {
    let isOver = false;
    if (at === null || real === null || now === null) return;
    void controller.imagine([{ conditions: conditionsOf(at, real) }]).then(([would]) => {
      if (!isOver && would !== undefined) imagined.value = would;
    });
    return () => {
      isOver = true;
    };
  }, [controller, at, real, now]);
  useEffect(() => {
    if (at === null || !isOther(tryable(at), tried.value)) return;
    const timer = setTimeout(() => controller.tryConditions(tryable(at)), REST_MS);
    return () => clearTimeout(timer);
  }, [controller, at]);
  useEffect(() => forget, []);
  if (at === null || known === null) return <p class="q">{TEXTS.measuring}</p>;
  const would = imagined.value;
  return (
    <div class="whatif">
      <div class="wide">
        <p class="why" aria-live="polite">
          {would === null ? TEXTS.measuring : imaginedWords(would, at, known)}
        </p>
        {would !== null && would.plan !== null && (
          <SplitGraph
            state={stateOfPlan(would.plan, would.sentBytes, known, blocks.value, nodeFacts.value)}
          />
        )}
      </div>
      <Sliders at={at} controller={controller} />
      <PhaseMapView controller={controller} />
      <div class="wide">
        <h2>{TEXTS.lastMinute}</h2>
        <Suspense fallback={null}>
          <LastMinute />
        </Suspense>
      </div>
    </div>
  );
}

/** Whether something is tried, but not this. */
function isOther(wanted: SimulatedConditions, now: SimulatedConditions | null): boolean {
  if (now === null) return false;
  return (Object.keys(wanted) as (keyof SimulatedConditions)[]).some((name) => wanted[name] !== now[name]);
}

/** What was imagined is no longer so when somebody comes back. */
function forget(): void {
  imagined.value = null;
}

function Sliders({ at, controller }: { readonly at: Simulated; readonly controller: Controller }) {
  const isTried = tried.value !== null;
  return (
    <div>
      <ScaleSlider
        name={TEXTS.upload}
        words={formatRate(at.uplinkBps)}
        value={at.uplinkBps}
        scale={UPLOADS}
        onInput={(uplinkBps) => simulate({ uplinkBps })}
      />
      <Networks at={at} />
      <ScaleSlider
        name={TEXTS.delay}
        words={formatMs(at.rttMs)}
        value={at.rttMs}
        scale={DELAYS}
        onInput={(rttMs) => simulate({ rttMs })}
      />
      <ScaleSlider
        name="Cloud"
        words={queueWords(at.queueMs)}
        value={at.queueMs}
        scale={QUEUES}
        onInput={(queueMs) => simulate({ queueMs: queueMs < 1 ? 0 : queueMs })}
      />
      <ScaleSlider
        name="Phone"
        words={slowerWords(at.slower)}
        value={at.slower}
        scale={SLOWER}
        onInput={(slower) => simulate({ slower })}
      />
      <div class="acts">
        <button
          type="button"
          class={isTried ? "btn main" : "btn"}
          onClick={() => controller.tryConditions(isTried ? null : tryable(at))}
        >
          {isTried ? TEXTS.tryEnd : TEXTS.tryIt}
        </button>
        <button type="button" class="btn" disabled={isTried || !isSimulated.value} onClick={simulateNothing}>
          {TEXTS.asItIs}
        </button>
      </div>
      <p class="q small">{TEXTS.tryHow}</p>
    </div>
  );
}

/** The usual networks: upload and delay at once. */
function Networks({ at }: { readonly at: Simulated }) {
  const current = networkAt(at.uplinkBps);
  return (
    <fieldset class="marks" aria-label="Usual networks">
      {(Object.keys(NETWORKS) as NetworkName[]).map((name) => (
        <button
          key={name}
          type="button"
          aria-pressed={name === current}
          style={{ "--x": `${100 * shareOf(NETWORKS[name].uplinkBps, UPLOADS)}%` }}
          onClick={() => simulate(NETWORKS[name])}
        >
          {name}
        </button>
      ))}
    </fieldset>
  );
}
