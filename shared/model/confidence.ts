/**
 * An exit's calibrated confidence: the largest probability of softmax(ln p / T), which temperature scaling
 * (Guo et al., ICML 2017) makes the chance that the exit is right.
 *
 * @param scores      probabilities, one for each label
 * @param temperature above 0; 1 leaves the scores as they are
 * @returns 0..1; NaN when a score is
 */
export function confidence(scores: ArrayLike<number>, temperature: number): number {
  const { sum } = weigh(scores, temperature);
  return 1 / sum;
}

/**
 * All of softmax(ln p / T): what every label's calibrated probability is. The largest is `confidence`.
 *
 * @param scores      probabilities, one for each label
 * @param temperature above 0; 1 leaves the scores as they are
 * @returns one for each label, in their order; they sum to 1
 */
export function calibrated(scores: ArrayLike<number>, temperature: number): readonly number[] {
  const { weights, sum } = weigh(scores, temperature);
  return weights.map((weight) => weight / sum);
}

/** Each score's weight relative to the largest one's, which is 1, and their sum. */
function weigh(
  scores: ArrayLike<number>,
  temperature: number,
): { readonly weights: readonly number[]; readonly sum: number } {
  let largest = 0;
  for (let at = 0; at < scores.length; at++) largest = Math.max(largest, scores[at]!);
  const weights = Array.from(scores, (score) => (score / largest) ** (1 / temperature));
  return { weights, sum: weights.reduce((sum, weight) => sum + weight, 0) };
}
