import type { Exit, ModelMetadata } from "#shared/model";
import { type ExitScores, scoreHalves, topClasses } from "./exit-scores.ts";

/** How an exit did on labelled photos. */
export interface ExitResult {
  readonly exit: string;
  readonly correct: number;
  readonly photos: number;
  /** Top-1, 0..1. */
  readonly accuracy: number;
  /** Wilson's 95 % interval of the accuracy. */
  readonly low: number;
  readonly high: number;
}

/** @param exits earliest first, as in the scores */
export function evaluateExits(exits: readonly Exit[], scores: ExitScores): ExitResult[] {
  const { labels } = scores;
  return exits.map(({ id }, at) => {
    const correct = topClasses(scores, at).filter((label, photo) => label === labels[photo]).length;
    const [low, high] = wilson(correct, labels.length);
    return { exit: id, correct, photos: labels.length, accuracy: correct / labels.length, low, high };
  });
}

/** An exit on both halves of the validation photos, and on all of them. */
export interface HalvedResult {
  /** On the photos that no choice has seen. */
  readonly reported: ExitResult;
  /** On those that policies and codecs are chosen on. */
  readonly chosen: ExitResult;
  readonly all: ExitResult;
  /** Where reported, over the exit before it; null of the first. */
  readonly gain: Gain | null;
}

/** What one exit's top-1 is above another's on the same photos, with its 95 % interval. */
export interface Gain {
  readonly gain: number;
  readonly low: number;
  readonly high: number;
}

/** @param isReported by photo */
export function evaluateHalves(
  exits: readonly Exit[],
  scores: ExitScores,
  isReported: readonly boolean[],
): HalvedResult[] {
  const { reportedOn, chosenOn } = scoreHalves(scores, isReported);
  const [all, reported, chosen] = [scores, reportedOn, chosenOn].map((one) => evaluateExits(exits, one));
  return exits.map((_, at) => ({
    reported: reported![at]!,
    chosen: chosen![at]!,
    all: all![at]!,
    gain: at === 0 ? null : pairedGain(reportedOn, at - 1, at),
  }));
}

/**
 * Of two exits: they are right on mostly the same photos, so the difference is known better than each of the two.
 *
 * @param from to positions among the exits
 */
export function pairedGain(scores: ExitScores, from: number, to: number): Gain {
  const { labels } = scores;
  const before = topClasses(scores, from);
  const steps = topClasses(scores, to).map(
    (label, photo) => Number(label === labels[photo]) - Number(before[photo] === labels[photo]),
  );
  const gain = steps.reduce((sum, step) => sum + step, 0) / steps.length;
  const square = steps.reduce((sum, step) => sum + step ** 2, 0) / steps.length;
  const half = 1.959964 * Math.sqrt((square - gain ** 2) / steps.length);
  return { gain, low: gain - half, high: gain + half };
}

/** Policies compete with the plain exits: figures of the same photos, or they are worth nothing. */
export function hasStalePolicies(
  { exits, policies }: ModelMetadata,
  results: readonly HalvedResult[],
): boolean {
  const isOther = ({ accuracy }: Exit, at: number): boolean => accuracy !== results[at]!.reported.accuracy;
  return policies !== undefined && exits.some(isOther);
}

/** The metadata with these accuracies, without policies that they make stale. */
export function withAccuracies(metadata: ModelMetadata, results: readonly HalvedResult[]): ModelMetadata {
  const { policies, ...rest } = metadata;
  const exits = metadata.exits.map((exit, at) => {
    const { reported, chosen } = results[at]!;
    return { ...exit, accuracy: reported.accuracy, chosen: chosen.accuracy };
  });
  const isKept = policies !== undefined && !hasStalePolicies(metadata, results);
  return isKept ? { ...rest, exits, policies } : { ...rest, exits };
}

/** Wilson's score interval of a proportion at 95 %. */
function wilson(hits: number, trials: number): [number, number] {
  const z = 1.959964;
  const share = hits / trials;
  const centre = share + z ** 2 / (2 * trials);
  const half = z * Math.sqrt((share * (1 - share)) / trials + z ** 2 / (4 * trials ** 2));
  const scale = 1 + z ** 2 / trials;
  return [(centre - half) / scale, (centre + half) / scale];
}
