import type { Exit, ModelMetadata } from "#shared/model";
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

/** Policies compete with the plain exits: figures of the same photos, or they are worth nothing. */
export function hasStalePolicies(
  { exits, policies }: ModelMetadata,
  results: readonly ExitResult[],
): boolean {
  return policies !== undefined && exits.some(({ accuracy }, at) => accuracy !== results[at]!.accuracy);
}

/** The metadata with these accuracies, without policies that they make stale. */
export function withAccuracies(metadata: ModelMetadata, results: readonly ExitResult[]): ModelMetadata {
  const { policies, ...rest } = metadata;
  const exits = metadata.exits.map((exit, at) => ({ ...exit, accuracy: results[at]!.accuracy }));
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
