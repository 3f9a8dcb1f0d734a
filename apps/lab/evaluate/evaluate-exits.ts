import type { Exit } from "#shared/model";
import { type ExitScores, topClasses } from "./exit-scores.ts";

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

/** Wilson's score interval of a proportion at 95 %. */
export function wilson(hits: number, trials: number): [number, number] {
  const z = 1.959964;
  const share = hits / trials;
  const centre = share + z ** 2 / (2 * trials);
  const half = z * Math.sqrt((share * (1 - share)) / trials + z ** 2 / (4 * trials ** 2));
  const scale = 1 + z ** 2 / trials;
  return [(centre - half) / scale, (centre + half) / scale];
}
