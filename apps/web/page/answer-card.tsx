import { codecWords } from "#shared/model";
import type { Answer, ModelSummary } from "../edge/conversation.ts";
import { formatBytes, formatPercent } from "./format.ts";
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
                {truth === last.label ? "✓" : "✗"} labelled “{truth}”
              </p>
            )}
            <p class="chip">{pathOf(last, known)}</p>
            {last.asked.length > 0 && <p class="quiet">{askedOf(last)}</p>}
            {last.source === "fallback" && <p class="warn">Finished on the edge: {last.reason}</p>}
          </>
        )}
      </div>
      {last !== null && known !== null && <TopLabels answer={last} labels={known.labels} />}
    </section>
  );
}

function TopLabels(props: { readonly answer: Answer; readonly labels: readonly string[] }) {
  const ranked = [...props.answer.scores]
    .map((score, at) => ({ score, label: props.labels[at]! }))
    .sort((a, b) => b.score - a.score)
    .slice(0, 3);
  return (
    <ol class="top">
      {ranked.map(({ label, score }) => (
        <li key={label}>
          <span>{label}</span>
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

/** `exit 3 of 4 (top-1 66 %) · cut after stage2/block1/add · uint4 + deflate, 1.3 kB sent` */
export function pathOf(last: Answer, { exits, nodes }: ModelSummary): string {
  const position = exits.findIndex(({ id }) => id === last.exit) + 1;
  const { accuracy } = exits[position - 1] ?? { accuracy: null };
  const promise = accuracy === null ? "" : ` (top-1 ${formatPercent(accuracy)})`;
  const exit = `exit ${position} of ${exits.length}${promise}`;
  if (last.cut.length === 0) return `${exit} · all on this device · nothing sent`;
  const isImage = last.cut.length === 1 && last.cut[0] === nodes[0]!.name;
  const where = isImage ? "all in the cloud" : `cut after ${last.cut.join(" + ")}`;
  const codecs = [...new Set(Object.values(last.codecs).map(codecWords))].join(" and ");
  return `${exit} · ${where} · ${codecs === "" ? "" : `${codecs}, `}${formatBytes(last.requestBytes)} sent`;
}
