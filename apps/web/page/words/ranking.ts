/** A class and its score. */
export interface Ranked {
  readonly at: number;
  readonly label: string;
  readonly score: number;
}

const FEW_CLASSES = 10;

/** The best classes, best first: three, or five where there are many to mix up. */
export function ranking(scores: ArrayLike<number>, labels: readonly string[]): readonly Ranked[] {
  const shown = labels.length > FEW_CLASSES ? 5 : 3;
  return labels
    .map((label, at): Ranked => ({ at, label, score: scores[at]! }))
    .sort((a, b) => b.score - a.score)
    .slice(0, shown);
}

/**
 * Whether an answer is what the photo's label says. Names of ImageNet's classes are lists of synonyms: one of
 * them is enough.
 *
 * @returns null when the model has no such class, so that it can be neither right nor wrong
 */
export function agrees(answer: string, truth: string, labels: readonly string[]): boolean | null {
  const names = (label: string): readonly string[] =>
    label.split(",").map((name) => name.trim().toLowerCase());
  const isTruth = (label: string): boolean =>
    label === truth || names(label).includes(truth.trim().toLowerCase());
  if (isTruth(answer)) return true;
  return labels.some(isTruth) ? false : null;
}
