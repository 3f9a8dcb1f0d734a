/**
 * The x without a negative entry that makes `sum of (weights[i] * (rows[i] . x - ys[i]))^2` least.
 *
 * Cyclic coordinate descent on the normal equations: each step solves one coordinate exactly and clips it at
 * 0. The problem is convex, so the descent ends at its minimum. For a handful of unknowns.
 *
 * @param rows    one per observation, all of the same length
 * @param weights by observation, above 0
 */
export function nonNegativeLeastSquares(
  rows: readonly (readonly number[])[],
  ys: readonly number[],
  weights: readonly number[] = ys.map(() => 1),
): readonly number[] {
  const size = rows[0]?.length ?? 0;
  const sum = (term: (row: readonly number[], i: number) => number): number =>
    rows.reduce((total, row, i) => total + weights[i]! ** 2 * term(row, i), 0);
  // Columns are brought to length 1: multiply-accumulates count in millions, nodes in ones.
  const lengths = Array.from({ length: size }, (_, a) => Math.sqrt(sum((row) => row[a]! ** 2)) || 1);
  const gram = lengths.map((la, a) => lengths.map((lb, b) => sum((row) => (row[a]! * row[b]!) / (la * lb))));
  const right = lengths.map((length, a) => sum((row, i) => (row[a]! * ys[i]!) / length));
  const x = new Array<number>(size).fill(0);
  for (let pass = 0; pass < MAX_PASSES; pass++) {
    let change = 0;
    for (let a = 0; a < size; a++) {
      const own = gram[a]![a]!;
      if (own === 0) continue;
      const others = gram[a]!.reduce((total, g, b) => total + (b === a ? 0 : g * x[b]!), 0);
      const next = Math.max(0, (right[a]! - others) / own);
      change = Math.max(change, Math.abs(next - x[a]!));
      x[a] = next;
    }
    if (change <= 1e-12 * Math.max(1e-12, ...x)) break;
  }
  return x.map((value, a) => value / lengths[a]!);
}

const MAX_PASSES = 20_000;
