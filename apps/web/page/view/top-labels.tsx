import type { Answer } from "../../talk/edge.ts";
import { formatPercent } from "../words/format.ts";
import { ranking } from "../words/ranking.ts";

/** The likeliest labels; of a model that says numbers which are no chances, the first of them. */
export function TopLabels(props: { readonly answer: Answer; readonly labels: readonly string[] }) {
  const { probabilities, scores } = props.answer;
  const rows =
    probabilities.length === 0
      ? [...scores.slice(0, 5)].map((score, at) => [props.labels[at]!, score.toPrecision(3)] as const)
      : ranking(probabilities, props.labels).map(
          ({ label, score }) => [label, formatPercent(score)] as const,
        );
  return (
    <ol class="top-labels">
      {rows.map(([label, value]) => (
        <li key={label}>
          <span>{label}</span> <b>{value}</b>
        </li>
      ))}
    </ol>
  );
}
