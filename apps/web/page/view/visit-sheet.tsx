import { useEffect, useRef, useState } from "preact/hooks";
import type { Moments } from "../control/history.ts";
import type { OpenedVisit } from "../control/open-visit.ts";
import { blocks, model, nodeFacts, openedVisit } from "../control/store.ts";
import type { PlainAnswer } from "../control/visit.ts";
import { stateOfAnswer } from "../graph/graph-state.ts";
import { formatBytes, formatMs } from "../words/format.ts";
import { TEXTS } from "../words/texts.ts";
import { ranWords, visitWords } from "../words/visit-words.ts";
import { Charts } from "./charts.tsx";
import { Icon } from "./icon.tsx";
import { SplitGraph } from "./split-graph.tsx";
import { Bar, Key, roundUp, TimeAxis } from "./time-axis.tsx";
import { measuredParts, predictedParts } from "./times.ts";

/** A visit that was saved, here or elsewhere: what was measured and answered, one photo after the other. */
export function VisitSheet({ visit }: { readonly visit: OpenedVisit }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const [at, setAt] = useState(visit.answers.length - 1);
  const close = (): void => {
    openedVisit.value = null;
  };
  const answer = visit.answers[at];
  const count = visit.answers.length;
  return (
    <dialog ref={dialog} class="sheet" aria-labelledby="visit-title" onClose={close}>
      <div class="sheet-body">
        <div class="sheet-top">
          <h2 id="visit-title">{TEXTS.opened}</h2>
          <button type="button" class="tap" aria-label={TEXTS.close} onClick={close}>
            <Icon name="close" />
          </button>
        </div>
        <p>{visitWords(visit)}</p>
        {answer !== undefined && (
          <>
            <label class="slide" for="visit-photo">
              <span>{TEXTS.photo}</span>
              <b>{`${at + 1} of ${count}, at ${formatMs(answer.atMs)}`}</b>
              <input
                id="visit-photo"
                class="r"
                type="range"
                min={0}
                max={Math.max(count - 1, 1)}
                disabled={count === 1}
                value={at}
                style={{ "--p": `${(100 * at) / Math.max(count - 1, 1)}%` }}
                aria-label={TEXTS.photo}
                aria-valuetext={`${at + 1} of ${count}`}
                onInput={({ currentTarget }) => setAt(Math.min(count - 1, Number(currentTarget.value)))}
              />
            </label>
            <Photo visit={visit} answer={answer} />
          </>
        )}
        <Charts moments={momentsOf(visit)} {...spanOf(visit, answer)} exits={exitsOf(visit)} />
      </div>
    </dialog>
  );
}

function Photo({ visit, answer }: { readonly visit: OpenedVisit; readonly answer: PlainAnswer }) {
  const { totalMs, budgetMs, prediction, requestBytes } = answer;
  const maxMs = roundUp(1.2 * Math.max(budgetMs, Math.min(totalMs, 4 * budgetMs)));
  const over = totalMs - budgetMs;
  const isKnown = model.value?.id === visit.planning.model && model.value.version === visit.planning.version;
  return (
    <div>
      <p class="way-head">
        <span>
          {ranWords(answer)}
          {requestBytes > 0 && <span class="q">{` · ${formatBytes(requestBytes)}`}</span>}
        </span>
        <span>
          {over > 0 && <span class="late-t">{`${formatMs(over)} ${TEXTS.late} `}</span>}
          <b>{formatMs(totalMs)}</b>
        </span>
      </p>
      <div class="ways">
        <TimeAxis maxMs={maxMs} limitMs={budgetMs} totalMs={Math.min(totalMs, maxMs)}>
          <Bar parts={measuredParts(answer)} />
          <Bar parts={prediction === null ? [] : predictedParts(prediction)} isExpected />
          <div class="limit" />
        </TimeAxis>
      </div>
      <Key parts={measuredParts(answer)} isTried={(answer.simulated ?? null) !== null} />
      {isKnown && <SplitGraph state={stateOfAnswer(answer, blocks.value, nodeFacts.value)} />}
    </div>
  );
}

function momentsOf({ planning, answers }: OpenedVisit): Moments {
  const link = planning.decisions.map(({ atMs, conditions: { rttMs, uplinkBps } }) => ({
    atMs,
    rttMs,
    uplinkBps,
  }));
  return { link, answers };
}

function spanOf({ planning, answers }: OpenedVisit, shown: PlainAnswer | undefined) {
  const times = [...planning.decisions, ...answers].map(({ atMs }) => atMs);
  return {
    fromMs: Math.min(0, ...times),
    toMs: Math.max(1000, ...times),
    zeroMs: 0,
    limitMs: shown?.budgetMs ?? planning.decisions.at(-1)?.budgetMs ?? 0,
  };
}

/** Of the page's own model all, in order; of another one those that answered. */
function exitsOf({ planning, answers }: OpenedVisit): readonly string[] {
  if (model.value?.id === planning.model) return model.value.exits.map(({ id }) => id);
  return [...new Set(answers.map(({ exit }) => exit))].sort();
}
