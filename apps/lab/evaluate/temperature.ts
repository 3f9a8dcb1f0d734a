import { confidence } from "#shared/model";
import { type ExitScores, topClasses } from "./exit-scores.ts";

/** Of temperatures: wider than any trained classifier needs. */
const LEAST = 0.1;
const MOST = 10;
const STEPS = 40;
/** Of a probability that float32 has rounded to 0. */
const LEAST_PROBABILITY = 1.2e-38;

/**
 * The temperature T at which softmax(ln p / T) of an exit gives its photos' labels the least mean negative
 * log-likelihood (Guo et al., ICML 2017). That is convex in 1/T, so it has one minimum in ln T, which golden
 * section finds.
 */
export function fitTemperature(exitScores: ExitScores, exit: number): number {
  const loss = (logT: number): number => negativeLogLikelihood(exitScores, exit, Math.exp(logT));
  const ratio = (Math.sqrt(5) - 1) / 2;
  let [low, high] = [Math.log(LEAST), Math.log(MOST)];
  let [left, right] = [high - ratio * (high - low), low + ratio * (high - low)];
  let [atLeft, atRight] = [loss(left), loss(right)];
  for (let step = 0; step < STEPS; step++) {
    if (atLeft <= atRight) {
      [high, right, atRight] = [right, left, atLeft];
      left = high - ratio * (high - low);
      atLeft = loss(left);
    } else {
      [low, left, atLeft] = [left, right, atRight];
      right = low + ratio * (high - low);
      atRight = loss(right);
    }
  }
  return Math.exp((low + high) / 2);
}

/** Mean over the photos, in nats. */
export function negativeLogLikelihood(
  { scores, classes, labels }: ExitScores,
  exit: number,
  temperature: number,
): number {
  let sum = 0;
  labels.forEach((label, photo) => {
    const row = scores[exit]!.subarray(photo * classes, (photo + 1) * classes);
    const logits = Array.from(row, (p) => Math.log(Math.max(p, LEAST_PROBABILITY)) / temperature);
    const most = Math.max(...logits);
    sum +=
      most + Math.log(logits.reduce((total, value) => total + Math.exp(value - most), 0)) - logits[label]!;
  });
  return sum / labels.length;
}

/** By photo: the exit's calibrated confidence, and whether it is right. */
export interface Verdicts {
  readonly confidence: Float64Array;
  readonly right: readonly boolean[];
}

export function verdictsOf(exitScores: ExitScores, exit: number, temperature: number): Verdicts {
  const { scores, classes, labels } = exitScores;
  const row = (photo: number) => scores[exit]!.subarray(photo * classes, (photo + 1) * classes);
  return {
    confidence: Float64Array.from(labels, (_, photo) => confidence(row(photo), temperature)),
    right: topClasses(exitScores, exit).map((label, photo) => label === labels[photo]),
  };
}

const BINS = 15;

/** Expected calibration error: mean distance of confidence and accuracy in 15 bins of equal width, 0..1. */
export function calibrationError({ confidence, right }: Verdicts): number {
  const gaps = new Float64Array(BINS);
  confidence.forEach((sure, photo) => {
    gaps[Math.min(BINS - 1, Math.floor(sure * BINS))]! += sure - (right[photo] ? 1 : 0);
  });
  return gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / right.length;
}
