import { useState } from "preact/hooks";
import type { Prediction } from "#shared/planning";
import { BUDGET_MS } from "../../client/index.ts";
import type { Answer } from "../../talk/edge.ts";
import type { Controller } from "../control/controller.ts";
import { imagined } from "../control/simulation.ts";
import { answer, budgetMs, summary, tab } from "../control/store.ts";
import { formatMs } from "../words/format.ts";
import { TEXTS } from "../words/texts.ts";
import { Bar, Key, partsWords, roundUp, TimeAxis } from "./time-axis.tsx";
import { measuredParts, type Part, predictedParts } from "./times.ts";

/** The axis goes so far past what is longest on it. */
const BEYOND = 1.2;

/** What is on the axis: the time, wide, and under it, thin, what it is compared with. */
interface Shown {
  readonly totalMs: number;
  readonly overMs: number;
  readonly note: string;
  /** Whether it was waited for as if conditions were others. */
  readonly isTried: boolean;
  readonly wide: readonly Part[];
  readonly thin: readonly Part[];
  /** For those who do not see the bars. */
  readonly words: string;
}

/** Where the time of the answer went, or what is imagined would take, against the limit: a slider on the axis. */
export function TimeOfAnswer({ controller }: { readonly controller: Controller }) {
  const limitMs = budgetMs.value;
  const [heldMax, setHeldMax] = useState<number | null>(null);
  const shown = shownTime();
  const totalMs = shown?.totalMs ?? 0;
  const longestMs = Math.max(totalMs, sumOf(shown?.thin ?? []));
  const maxMs = heldMax ?? roundUp(BEYOND * Math.max(limitMs, Math.min(longestMs, 4 * limitMs)));
  return (
    <section class="time" aria-label={tab.value === "whatif" ? TEXTS.timeThere : TEXTS.time}>
      <div
        class={(shown?.overMs ?? 0) > 0 ? "time-head late" : "time-head"}
        style={{ "--max": maxMs, "--limit": limitMs }}
      >
        <Headline shown={shown} />
        <p class="small lim">
          <span class="your">your </span>
          {TEXTS.yourLimit} <b>{formatMs(limitMs)}</b>
        </p>
      </div>
      <TimeAxis maxMs={maxMs} limitMs={limitMs} totalMs={Math.min(totalMs, maxMs)}>
        <Bar parts={shown?.wide ?? []} />
        <Bar parts={shown?.thin ?? []} isExpected />
        <div class="limit" />
        <input
          type="range"
          min={BUDGET_MS.least}
          max={maxMs}
          value={limitMs}
          aria-label={TEXTS.limit}
          aria-valuetext={formatMs(limitMs)}
          onInput={({ currentTarget }) => {
            setHeldMax(maxMs);
            controller.setBudget(Math.min(BUDGET_MS.most, Number(currentTarget.value)));
          }}
          onChange={() => setHeldMax(null)}
        />
      </TimeAxis>
      <Key parts={shown?.wide ?? []} isTried={shown?.isTried === true} />
      {shown !== null && <p class="vh">{shown.words}</p>}
    </section>
  );
}

function sumOf(parts: readonly Part[]): number {
  return parts.reduce((total, { ms }) => total + ms, 0);
}

function Headline({ shown }: { readonly shown: Shown | null }) {
  if (shown === null) {
    return (
      <p>
        <span class="q small">{TEXTS.time}</span>
      </p>
    );
  }
  const [took, late] = [formatMs(shown.totalMs), `${formatMs(shown.overMs)} ${TEXTS.late}`];
  // Other words are other elements: what moves along with a number that grows counts as a shift.
  return (
    <p key={`${took}, ${late}, ${shown.note}`}>
      <b>{took}</b>{" "}
      {shown.overMs > 0 ? (
        <span class="late-t small">{late}</span>
      ) : (
        <span class="q small">
          <i class="thin" aria-hidden="true" /> {shown.note}
        </span>
      )}
    </p>
  );
}

function shownTime(): Shown | null {
  const would = tab.value === "whatif" ? (imagined.value?.prediction ?? null) : null;
  if (would !== null) return imaginedTime(would);
  return answer.value === null ? null : answerTime(answer.value);
}

/** As the sliders say, compared with what is expected now. */
function imaginedTime(would: Prediction): Shown {
  const now = summary.value?.prediction ?? null;
  return {
    totalMs: would.totalMs,
    overMs: would.totalMs - budgetMs.value,
    isTried: false,
    note: now === null ? "" : `${TEXTS.now} ${formatMs(now.totalMs)}`,
    wide: predictedParts(would),
    thin: now === null ? [] : predictedParts(now),
    words: partsWords(predictedParts(would)),
  };
}

function answerTime(last: Answer): Shown {
  const { prediction: expected, totalMs, budgetMs: limitMs } = last;
  return {
    totalMs,
    overMs: totalMs - limitMs,
    isTried: last.simulated !== null,
    note: expected === null ? "not foreseen" : `${TEXTS.expected} ${formatMs(expected.totalMs)}`,
    wide: measuredParts(last),
    thin: expected === null ? [] : predictedParts(expected),
    words: inWords(last),
  };
}

function inWords(last: Answer): string {
  const kept = last.totalMs > last.budgetMs ? "over" : "within";
  const parts = partsWords(measuredParts(last));
  return `${formatMs(last.totalMs)}, ${kept} the limit of ${formatMs(last.budgetMs)}: ${parts}`;
}
