import type { Answer } from "../../talk/edge.ts";
import { budgetMs, compared, model } from "../control/store.ts";
import { answeredWords, verdictWords } from "../words/compared-words.ts";
import { formatMs } from "../words/format.ts";
import { TEXTS } from "../words/texts.ts";
import { Bar, roundUp, TimeAxis } from "./time-axis.tsx";
import { measuredParts } from "./times.ts";

/** The same photo, answered as the user has chosen and as the Optimizer has: both measured, on one axis. */
export function Comparison() {
  const both = compared.value;
  if (both === null || model.value === null) return <p class="q small">{TEXTS.comparing}</p>;
  const { own, chosen } = both;
  const limitMs = budgetMs.value;
  const longest = Math.max(limitMs, own.totalMs, chosen.totalMs);
  const maxMs = roundUp(1.05 * Math.min(longest, 4 * limitMs));
  return (
    <div class="compared">
      <p role="status">{verdictWords(own, chosen)}</p>
      <ul class="ways compare">
        <Row name={TEXTS.yours} answer={own} maxMs={maxMs} />
        <Row name={TEXTS.asChosen} answer={chosen} maxMs={maxMs} />
      </ul>
    </div>
  );
}

function Row(props: { readonly name: string; readonly answer: Answer; readonly maxMs: number }) {
  const { name, answer, maxMs } = props;
  const limitMs = budgetMs.value;
  const over = answer.totalMs - limitMs;
  return (
    <li>
      <div class="way-head">
        <span>{name}</span>
        <span>
          {over > 0 && <span class="late-t">{`${formatMs(over)} ${TEXTS.late} `}</span>}
          <b>{formatMs(answer.totalMs)}</b>
        </span>
      </div>
      <TimeAxis maxMs={maxMs} limitMs={limitMs} totalMs={Math.min(answer.totalMs, maxMs)}>
        <Bar parts={measuredParts(answer)} />
        <div class="limit" />
      </TimeAxis>
      <p class="small">{answeredWords(answer, model.value!)}</p>
    </li>
  );
}
