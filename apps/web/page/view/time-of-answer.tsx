import { useState } from "preact/hooks";
import { BUDGET_MS } from "../../client/index.ts";
import type { Answer } from "../../talk/edge.ts";
import type { Controller } from "../control/controller.ts";
import { answer, budgetMs } from "../control/store.ts";
import { formatMs } from "../words/format.ts";
import { TEXTS } from "../words/texts.ts";
import { Bar, Key, partsWords, roundUp, TimeAxis } from "./time-axis.tsx";
import { measuredParts, predictedParts } from "./times.ts";

/** The axis goes so far past what is longest on it. */
const BEYOND = 1.2;

/** Where the time of the answer went, above where it was expected to, against the limit: which is a slider on the axis. */
export function TimeOfAnswer({ controller }: { readonly controller: Controller }) {
  const last = answer.value;
  const limitMs = budgetMs.value;
  const [heldMax, setHeldMax] = useState<number | null>(null);
  const totalMs = last?.totalMs ?? 0;
  const expected = last?.prediction ?? null;
  const maxMs = heldMax ?? roundUp(BEYOND * Math.max(limitMs, Math.min(totalMs, 4 * limitMs)));
  const measured = last === null ? [] : measuredParts(last);
  const overMs = last === null ? 0 : last.totalMs - last.budgetMs;
  return (
    <section class="time" aria-label={TEXTS.time}>
      <div class="time-head" style={{ "--max": maxMs, "--limit": limitMs }}>
        <p>
          {last === null ? (
            <span class="q small">{TEXTS.time}</span>
          ) : (
            <>
              <b>{formatMs(totalMs)}</b>{" "}
              {overMs > 0 ? (
                <span class="late-t small">{`${formatMs(overMs)} ${TEXTS.late}`}</span>
              ) : (
                <span class="q small">
                  <i class="thin" aria-hidden="true" />
                  {expected === null ? " not foreseen" : ` ${TEXTS.expected} ${formatMs(expected.totalMs)}`}
                </span>
              )}
            </>
          )}
        </p>
        <p class="small lim">
          <span class="your">your </span>
          {TEXTS.yourLimit} <b>{formatMs(limitMs)}</b>
        </p>
      </div>
      <TimeAxis maxMs={maxMs} limitMs={limitMs} totalMs={Math.min(totalMs, maxMs)}>
        <Bar parts={measured} />
        <Bar parts={expected === null ? [] : predictedParts(expected)} isExpected />
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
      <Key parts={measured} />
      {last !== null && <p class="vh">{inWords(last)}</p>}
    </section>
  );
}

/** For those who do not see the bars. */
function inWords(last: Answer): string {
  const kept = last.totalMs > last.budgetMs ? "over" : "within";
  const parts = partsWords(measuredParts(last));
  return `${formatMs(last.totalMs)}, ${kept} the limit of ${formatMs(last.budgetMs)}: ${parts}`;
}
