import type { Answer } from "../../talk/edge.ts";

/** Who answered a picture of the live camera. */
export interface LiveAnswer {
  readonly exit: string;
  /** By the phone alone. */
  readonly isHere: boolean;
}

/** Of how many pictures in ten something is so, of the latest ones. */
export interface LiveShares {
  /** By exit. */
  readonly exits: ReadonlyMap<string, number>;
  /** That the phone answered alone. */
  readonly here: number;
}

/** So many of the latest pictures count, and fewer tell nothing. */
const LATEST = 30;
const ENOUGH = 10;

export function withAnswer(
  latest: readonly LiveAnswer[],
  { exit, source }: Pick<Answer, "exit" | "source">,
): readonly LiveAnswer[] {
  return [...latest.slice(1 - LATEST), { exit, isHere: source !== "cloud" }];
}

/** Null while there are too few. */
export function sharesOf(latest: readonly LiveAnswer[]): LiveShares | null {
  if (latest.length < ENOUGH) return null;
  const [here = 0] = tenths([
    latest.filter(({ isHere }) => isHere).length,
    latest.filter(({ isHere }) => !isHere).length,
  ]);
  const exits = [...new Set(latest.map(({ exit }) => exit))].sort();
  const counts = exits.map((exit) => latest.filter((one) => one.exit === exit).length);
  const rounded = tenths(counts);
  return { exits: new Map(exits.map((exit, at) => [exit, rounded[at]!])), here };
}

/** Shares of all in whole tenths, ten together: what is left over goes to those that rounding down takes most from. */
function tenths(counts: readonly number[]): readonly number[] {
  const all = counts.reduce((sum, count) => sum + count, 0);
  const exact = counts.map((count) => (10 * count) / all);
  const floors = exact.map(Math.floor);
  const left = 10 - floors.reduce((sum, floor) => sum + floor, 0);
  const byLoss = exact
    .map((_, at) => at)
    .sort((a, b) => exact[b]! - floors[b]! - (exact[a]! - floors[a]!) || a - b);
  return floors.map((floor, at) => floor + (byLoss.indexOf(at) < left ? 1 : 0));
}
