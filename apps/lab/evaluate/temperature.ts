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
  const logits = logitsOf(exitScores, exit);
  const loss = (logT: number): number => meanLoss(exitScores, logits, Math.exp(logT));
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
export function negativeLogLikelihood(exitScores: ExitScores, exit: number, temperature: number): number {
  return meanLoss(exitScores, logitsOf(exitScores, exit), temperature);
}

function logitsOf({ scores }: ExitScores, exit: number): Float64Array {
  return Float64Array.from(scores[exit]!, (p) => Math.log(Math.max(p, LEAST_PROBABILITY)));
}

/** @param logits float64 [photos, classes] */
function meanLoss({ classes, labels }: ExitScores, logits: Float64Array, temperature: number): number {
  let loss = 0;
  for (let photo = 0; photo < labels.length; photo++) {
    const first = photo * classes;
    let most = Number.NEGATIVE_INFINITY;
    for (let at = first; at < first + classes; at++) most = Math.max(most, logits[at]!);
    let sum = 0;
    for (let at = first; at < first + classes; at++) sum += Math.exp((logits[at]! - most) / temperature);
    loss += Math.log(sum) - (logits[first + labels[photo]!]! - most) / temperature;
  }
  return loss / labels.length;
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
