import type { Answer } from "../../talk/edge.ts";
import { answer, busy, model, picture } from "../control/store.ts";
import { formatPercent } from "../words/format.ts";
import { askedOf, pathOf } from "../words/ran-words.ts";
import { agrees, ranking } from "../words/ranking.ts";

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
              <strong>{last.label}</strong>{" "}
              {last.probabilities.length > 0 && <span class="share">{formatPercent(last.confidence)}</span>}
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
  const { probabilities, scores } = props.answer;
  if (probabilities.length === 0) return <Numbers scores={scores} labels={props.labels} />;
  return (
    <ol class="top">
      {ranking(probabilities, props.labels).map(({ at, label, score }) => (
        <li key={at}>
          <span title={label}>{label}</span>
          <i style={{ width: `${100 * score}%` }} />
          <b>{formatPercent(score)}</b>
        </li>
      ))}
    </ol>
  );
}

/** The first of what a model says in numbers that are no chances. */
function Numbers(props: { readonly scores: Float32Array; readonly labels: readonly string[] }) {
  return (
    <ol class="top">
      {[...props.scores.slice(0, 5)].map((score, at) => (
        <li key={props.labels[at]}>
          <span>{props.labels[at]}</span>
          <i style={{ width: 0 }} />
          <b>{score.toPrecision(3)}</b>
        </li>
      ))}
    </ol>
  );
}
