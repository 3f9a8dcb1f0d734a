import { type ExitScores, topClasses } from "./exit-scores.ts";

/**
 * How often an exit takes each class for each: `counts[label][answer]`.
 *
 * @param exit position among the model's exits
 */
export function confusionOf(scores: ExitScores, exit: number): number[][] {
  const counts = Array.from({ length: scores.classes }, () => new Array<number>(scores.classes).fill(0));
  topClasses(scores, exit).forEach((answer, photo) => {
    counts[scores.labels[photo]!]![answer]!++;
  });
  return counts;
}

/** The most classes that a table shows. */
const MOST_CLASSES = 20;

/** As a table in Markdown, a row for each true class; null when there are too many classes to read. */
export function confusionTable(
  counts: readonly (readonly number[])[],
  labels: readonly string[],
): string | null {
  if (labels.length > MOST_CLASSES) return null;
  const rows = counts.map((row, label) => {
    const photos = row.reduce((sum, count) => sum + count, 0);
    const right = photos > 0 ? `${((100 * row[label]!) / photos).toFixed(1)} %` : "none";
    return `| ${labels[label]} | ${row.map((count) => (count === 0 ? "" : count)).join(" | ")} | ${right} |`;
  });
  return [`| | ${labels.join(" | ")} | right |`, `|---|${"---|".repeat(labels.length + 1)}`, ...rows].join(
    "\n",
  );
}
