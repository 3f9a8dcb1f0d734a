import { answer, busy, model, picture, provisional } from "../control/store.ts";
import { formatPercent } from "../words/format.ts";
import { agrees, ranking } from "../words/ranking.ts";
import { MARKS, TEXTS } from "../words/texts.ts";
import { Words } from "./words.tsx";

/** What it is and how sure that is, in a slot that keeps its size whatever stands in it. */
export function AnswerSlot() {
  const known = model.value;
  const shown = provisional.value ?? answer.value;
  const isSoFar = provisional.value !== null;
  const labels = known?.labels ?? [];
  return (
    <div class="answer">
      <p class={shown === null ? "what none" : "what label"} role="status">
        {shown === null ? (busy.value ? TEXTS.looking : "\u00a0") : shortLabel(shown.label)}
      </p>
      {shown !== null && shown.probabilities.length > 0 && (
        <p class="sure">
          <span class="share">
            <Words text={formatPercent(shown.confidence)} />
          </span>{" "}
          <small>{isSoFar ? "so far" : "sure"}</small>
        </p>
      )}
      <p class="alts">
        <Words text={shown === null ? "" : secondLine(shown.probabilities, labels, shown.label)} />
      </p>
    </div>
  );
}

/** A list of synonyms goes by its first. */
function shortLabel(label: string): string {
  const [first = label] = label.split(",");
  return first.charAt(0).toUpperCase() + first.slice(1);
}

/** What else it may be; of a picture that says what it shows, whether that is so. */
function secondLine(probabilities: readonly number[], labels: readonly string[], label: string): string {
  const last = answer.value;
  if (last?.isIncomplete && provisional.value === null) return TEXTS.damaged;
  if (probabilities.length === 0) {
    const scores = last?.scores ?? [];
    return [...scores.slice(0, 4)].map((score) => score.toPrecision(3)).join(", ");
  }
  const truth = picture.value?.label ?? null;
  if (truth !== null) return `${MARKS[`${agrees(label, truth, labels)}`]}labelled “${truth}”`;
  const others = ranking(probabilities, labels).slice(1, 3);
  const likely = others.filter(({ score }) => score >= 0.005);
  if (likely.length === 0) return "nothing else is likely";
  return `or ${likely.map(({ label: other, score }) => `${other.split(",")[0]} ${formatPercent(score)}`).join(", ")}`;
}
