import type { CellResult, Study, Tally } from "./cell.ts";

/** Cells of a study, perhaps of one model. */
export function cellsOf(
  results: readonly CellResult[],
  study: Study,
  model: string | null = null,
): readonly CellResult[] {
  return results.filter(({ cell }) => cell.study === study && (model === null || cell.model === model));
}

/** A share of all answers, each cell counted by its weight: 0..1. */
export function shareOf(
  cells: readonly CellResult[],
  policy: string,
  part: (tally: Tally) => number,
  whole: (tally: Tally) => number = ({ answers }) => answers,
): number {
  let [parts, wholes] = [0, 0];
  for (const { cell, tallies } of cells) {
    const tally = tallies[policy]!;
    // Within a stratum photos are as many as its user takes; it counts by its weight alone.
    const weight = cell.weight / (cell.world.kind === "stratum" ? Math.max(1, tally.answers) : 1);
    parts += weight * part(tally);
    wholes += weight * whole(tally);
  }
  return wholes === 0 ? Number.NaN : parts / wholes;
}

export const rightInTime = (tally: Tally): number => tally.rightInTime;
export const inTime = (tally: Tally): number => tally.inTime;

/** Mean latency in ms over all answers of some cells, each cell counted by its weight. */
export function meanMs(cells: readonly CellResult[], policy: string): number {
  const weights = cells.map(({ cell }) => cell.weight);
  const means = cells.map(({ tallies }) => {
    const { times } = tallies[policy]!;
    return times.reduce((sum, one) => sum + one, 0) / (1000 * times.length);
  });
  const all = weights.reduce((sum, one) => sum + one, 0);
  return means.reduce((sum, ms, at) => sum + weights[at]! * ms, 0) / all;
}

/** Of all answers of some cells, in ms. */
export function quantileMs(cells: readonly CellResult[], policy: string, share: number): number {
  const times = cells.flatMap(({ tallies }) => tallies[policy]!.times).sort((a, b) => a - b);
  return times[Math.min(times.length - 1, Math.floor(share * times.length))]! / 1000;
}

/** Geometric mean over cells of how many times a number of one policy is another's. */
export function geometricRatio(
  cells: readonly CellResult[],
  number: (cell: CellResult, policy: string) => number,
  policy: string,
  other: string,
): number {
  const logs = cells.map((cell) => Math.log(number(cell, policy) / number(cell, other)));
  return Math.exp(logs.reduce((sum, log) => sum + log, 0) / logs.length);
}

export function fpsOfCell({ tallies }: CellResult, policy: string): number {
  // What answers nothing at all must not make a mean of logarithms endless.
  return Math.max(1e-3, tallies[policy]!.fps ?? 0);
}

export function msOfCell(cell: CellResult, policy: string): number {
  return meanMs([cell], policy);
}

/** Policies that all of some cells have. */
export function policiesOf(cells: readonly CellResult[]): readonly string[] {
  const [first, ...others] = new Set(cells.map(({ cell }) => cell.policies));
  return (first ?? []).filter((policy) => others.every((policies) => policies.includes(policy)));
}
