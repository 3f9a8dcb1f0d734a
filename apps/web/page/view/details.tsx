import { codecWords } from "#shared/model";
import type { LoadReport } from "#shared/planning";
import { answer, drift, engine, loadedBytes, model, profiling, shards, summary } from "../control/store.ts";
import { formatBytes, formatMs, formatRate } from "../words/format.ts";
import { askedOf, pathOf } from "../words/ran-words.ts";
import { TEXTS } from "../words/texts.ts";
import { TopLabels } from "./top-labels.tsx";

/** Everything else, in the field's own words, for those who want to know. */
export function Details() {
  const last = answer.value;
  const known = model.value;
  return (
    <details class="details">
      <summary>{TEXTS.details}</summary>
      {last !== null && known !== null && (
        <>
          <p class="chip">{pathOf(last, known)}</p>
          <p class="places">{`${last.here.length} nodes on the edge, ${last.there.length} in the cloud, up to exit ${last.exit}`}</p>
          {last.asked.length > 0 && <p class="asked">{askedOf(last)}</p>}
          {last.source === "fallback" && <p class="reason">Finished on the edge: {last.reason}</p>}
          {last.worksTwice && <p class="twice">The edge worked on an answer of its own beside the cloud.</p>}
          <TopLabels answer={last} labels={known.labels} />
        </>
      )}
      <Conditions />
      <Device />
    </details>
  );
}

const CLOUD_WORDS = { unknown: "?", up: "up", down: "down", refusing: "busy" } as const;

/** Network, edge and cloud at a glance. */
function Conditions() {
  const known = summary.value;
  const conditions = known?.conditions;
  const device = engine.value;
  const runsOn = device?.runtime === "tfjs" ? device.backend : device?.runtime;
  const backend = device === null ? "starting" : (runsOn ?? "none");
  const cloud = known?.cloud ?? "unknown";
  const unknown = cloud === "down" ? "–" : "…";
  return (
    <table class="status">
      <tbody>
        <Row name="RTT" value={known?.measured.rtt ? formatMs(conditions!.rttMs) : unknown} />
        <Row name="uplink" value={known?.measured.uplink ? formatRate(conditions!.uplinkBps) : unknown} />
        <Row name="edge" value={backend} />
        <Row name="cloud" value={CLOUD_WORDS[cloud]} />
      </tbody>
    </table>
  );
}

const PROFILING_WORDS = {
  waiting: "not yet",
  measuring: "being measured",
  done: "measured on this visit",
  cached: "measured on an earlier visit",
  off: "not to be measured (?profile=off)",
  failed: "could not be measured",
} as const;

function Device() {
  const known = model.value;
  const device = engine.value;
  const plans = summary.value;
  const ready = shards.value.filter(({ state }) => state === "ready").length;
  return (
    <table>
      <tbody>
        {known !== null && (
          <>
            <Row name="model" value={`${known.id}, version ${known.version}, ${known.nodes.length} nodes`} />
            <Row
              name="weights"
              value={`${formatBytes(loadedBytes.value)} of ${formatBytes(known.weightBytes)} fetched, ${ready} of ${shards.value.length} shards`}
            />
          </>
        )}
        {device?.tried.map(({ backend, outcome, medianMs, detail }) => (
          <Row
            key={backend}
            name={backend}
            value={`${outcome}${medianMs === null ? "" : `, ${formatMs(medianMs)} for the reference net`}; ${detail}`}
          />
        ))}
        {device !== null && device.slowdown > 1 && (
          <Row name="slow-down" value={`the edge is made ${device.slowdown} times as slow (?slowdown=)`} />
        )}
        {drift.value.map(({ exit, count, agreed, expected }) => (
          <Row
            key={exit}
            name={exit}
            value={`agrees with the cloud on ${Math.round(agreed)} of the last ${Math.round(count)}, where ${Math.round(expected)} were to be expected: it has to be surer`}
          />
        ))}
        <Row name="this device" value={PROFILING_WORDS[profiling.value.state]} />
        {plans !== null && (
          <>
            <Row name="profiles" value={`heads: ${plans.profiles.head}; tails: ${plans.profiles.tail}`} />
            <Row
              name="scales"
              value={`edge × ${plans.conditions.edgeScale.toPrecision(2)}, cloud × ${plans.conditions.cloudScale.toPrecision(2)}, queue ${plans.cloud === "down" ? "–" : formatMs(plans.conditions.queueMs)}`}
            />
            <Row name="next plan" value={nextPlan()} />
            {plans.load !== null && <Row name="load" value={loadText(plans.load)} />}
          </>
        )}
      </tbody>
    </table>
  );
}

function nextPlan(): string {
  const plans = summary.value;
  if (plans?.plan == null) return "none: no weights yet and no cloud";
  const { plan, prediction } = plans;
  const time = prediction === null ? "" : `, about ${formatMs(prediction.totalMs)}`;
  const state = prediction?.feasible === false ? ", over the budget" : "";
  const insurance = plan.insurance === undefined ? "" : `, insured by ${plan.insurance.exit}`;
  const codecs = Object.entries(plan.codecs ?? {}).map(
    ([name, codec]) => `, ${name} as ${codecWords(codec)}`,
  );
  return `${plan.exit}, ${plan.head.length - 1} nodes on the edge${codecs.join("")}${insurance}${time}${state}`;
}

const LOAD_WORDS = {
  latency: "the plan for one image keeps up",
  throughput: "a plan of shorter stages keeps up",
  overload: "no plan keeps up",
} as const;

function loadText({ framesPerSecond, mode, planFps, sustainableFps }: LoadReport): string {
  const sustained = `this one sustains ${planFps.toPrecision(2)}, the most is ${sustainableFps.toPrecision(2)}`;
  return `${framesPerSecond} frames/s: ${LOAD_WORDS[mode]}; ${sustained}`;
}

function Row({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <tr>
      <th scope="row">{name}</th>
      <td>{value}</td>
    </tr>
  );
}
