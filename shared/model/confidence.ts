/**
 * An exit's calibrated confidence: the largest probability of softmax(ln p / T), which temperature scaling
 * (Guo et al., ICML 2017) makes the chance that the exit is right.
 *
 * @param scores      probabilities, one for each label
 * @param temperature above 0; 1 leaves the scores as they are
 * @returns 0..1; NaN when a score is
 */
export function confidence(scores: ArrayLike<number>, temperature: number): number {
  let largest = 0;
  for (let at = 0; at < scores.length; at++) largest = Math.max(largest, scores[at]!);
  let sum = 0;
  for (let at = 0; at < scores.length; at++) sum += (scores[at]! / largest) ** (1 / temperature);
  return 1 / sum;
}
