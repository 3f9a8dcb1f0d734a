import type { ExitCosts } from "#shared/evaluator";
import type { ExitPolicy } from "#shared/model";
import { CONFIDENCE } from "./decision.ts";

/** Top-1 by who answers, 0..1. */
export interface Worth {
  /** By early exit: of the images that it answers. */
  readonly answered: Float64Array;
  /** Of those that no early exit answers: by the final exit. */
  readonly right: number;
}

/**
 * What an option's answers are worth. Where it was not measured how right early exits are about what they answer, and
 * the final one about the rest, the worst that their accuracy together allows: the earlier an answer, the likelier it
 * is in time, so the worst is that the later ones are right.
 *
 * @param accuracy of the whole
 */
export function worthOf({ early, reach, answered, rest, exit }: ExitPolicy, accuracy: number): Worth {
  const known = rest?.[exit];
  if (answered !== undefined && known !== undefined) {
    return { answered: Float64Array.from(answered), right: known };
  }
  const share = (at: number): number => (at === 0 ? 1 : reach[at - 1]!) - reach[at]!;
  let left = accuracy;
  const worst = (share: number): number => {
    const right = share > 0 ? Math.min(1, left / share) : 0;
    left = Math.max(0, left - share * right);
    return right;
  };
  const right = worst(reach.at(-1) ?? 1);
  const bounds = new Float64Array(early.length);
  for (let at = early.length - 1; at >= 0; at--) bounds[at] = worst(share(at));
  return { answered: bounds, right };
}

/**
 * Top-1 of an exit on the images that no early exit answers; at least that of all images, less that it was right about
 * all others.
 */
export function restWorth({ reach, rest }: ExitPolicy, exit: string, accuracy: number): number {
  const share = reach.at(-1) ?? 1;
  return rest?.[exit] ?? (share > 0 ? Math.max(0, (accuracy - (1 - share)) / share) : 0);
}

/**
 * Top-1 by exit. Where some were not measured, each is taken for as much better than the one before as `CONFIDENCE`
 * leaves: then a later one is as good as an earlier one that is always in time when it is in time that often.
 */
export function accuracies(costs: readonly ExitCosts[]): ReadonlyMap<string, number> {
  const isMeasured = costs.every(({ accuracy }) => accuracy !== null);
  const last = Math.max(...costs.map(({ position }) => position));
  return new Map(
    costs.map(({ exit, accuracy, position }) => [
      exit,
      isMeasured ? accuracy! : CONFIDENCE ** (last - position),
    ]),
  );
}
