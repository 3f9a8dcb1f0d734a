import { codecWords } from "#shared/model";
import type { Answer, ModelSummary } from "../edge/conversation.ts";
import { exitName, formatBytes, formatPercent } from "./format.ts";
import { agrees, ranking } from "./ranking.ts";
import { answer, busy, model, picture } from "./store.ts";

/** The answer: what, how sure, and by which exit and cut. */
export function AnswerCard() {
  const last = answer.value;
  const known = model.value;
  const truth = picture.value?.label ?? null;
  return (
    <section class="card answer">
      <div role="status" aria-live="polite">
        {last === null || known === null ? (
          <p class="quiet">{busy.value ? "Looking…" : "Choose a picture, or try a sample."}</p>
        ) : (
          <>
            <p class="label">
              <strong>{last.label}</strong> <span class="share">{formatPercent(last.confidence)}</span>
            </p>
            {truth !== null && (
              <p class="quiet">
                {MARKS[`${agrees(last.label, truth, known.labels)}`]}labelled “{truth}”
              </p>
            )}
            <p class="chip">{pathOf(last, known)}</p>
            {last.asked.length > 0 && <p class="quiet">{askedOf(last)}</p>}
            {last.isIncomplete && (
              <p class="warn">The picture is incomplete or damaged: this answers what there is of it.</p>
            )}
            {last.source === "fallback" && <p class="warn">Finished on the edge: {last.reason}</p>}
          </>
        )}
      </div>
      {last !== null && known !== null && <TopLabels answer={last} labels={known.labels} />}
    </section>
  );
}

/** Before a photo's own label: whether the answer agrees; nothing where the model has no such class. */
const MARKS = { true: "✓ ", false: "✗ ", null: "" };

function TopLabels(props: { readonly answer: Answer; readonly labels: readonly string[] }) {
  return (
    <ol class="top">
      {ranking(props.answer.scores, props.labels).map(({ at, label, score }) => (
        <li key={at}>
          <span title={label}>{label}</span>
          <i style={{ width: `${100 * score}%` }} />
          <b>{formatPercent(score)}</b>
        </li>
      ))}
    </ol>
  );
}

/** `exit1 was not sure: 0.62 of 0.90 · exit2 was sure: 0.97` */
export function askedOf({ asked }: Answer): string {
  return asked
    .map(({ exit, confidence, threshold }) =>
      confidence >= threshold
        ? `${exit} was sure: ${confidence.toFixed(2)}`
        : `${exit} was not sure: ${confidence.toFixed(2)} of ${threshold.toFixed(2)}`,
    )
    .join(" · ");
}

/** What an exit promises, as far as it was measured. */
function promiseOf(exit: ModelSummary["exits"][number] | undefined): string {
  if (exit === undefined) return "";
  if (exit.accuracy !== null) return ` (top-1 ${formatPercent(exit.accuracy)})`;
  return exit.agreement === undefined ? "" : ` (${formatPercent(exit.agreement)} as the whole model)`;
}

/** `exit 3 of 4 (top-1 66 %) · cut after stage2/block1/add · uint4 + deflate, 1.3 kB sent` */
export function pathOf(last: Answer, { exits, nodes }: ModelSummary): string {
  const position = exits.findIndex(({ id }) => id === last.exit) + 1;
  const exit = `${exitName(position, exits.length)}${promiseOf(exits[position - 1])}`;
  if (last.cut.length === 0) return `${exit} · all on this device · nothing sent`;
  const isImage = last.cut.length === 1 && last.cut[0] === nodes[0]!.name;
  const where = isImage ? "all in the cloud" : `cut after ${last.cut.join(" + ")}`;
  const codecs = [...new Set(Object.values(last.codecs).map(codecWords))].join(" and ");
  return `${exit} · ${where} · ${codecs === "" ? "" : `${codecs}, `}${formatBytes(last.requestBytes)} sent`;
}
