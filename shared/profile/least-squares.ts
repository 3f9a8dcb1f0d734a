/**
 * The x without a negative entry that makes `sum of (weights[i] * (rows[i] . x - ys[i]))^2` least.
 *
 * Lawson and Hanson's active set method (1974) on the normal equations: unknowns are let off the border one
 * after another, and sent back when the solution would cross it. Ends at the minimum of this convex problem.
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
  const least = TOLERANCE * Math.max(1e-300, ...right.map(Math.abs));

  let x = new Array<number>(size).fill(0);
  const free = new Set<number>();
  for (let pass = 0; pass < 3 * size; pass++) {
    const gain = right.map((r, a) => r - gram[a]!.reduce((total, g, b) => total + g * x[b]!, 0));
    const next = gain.reduce((best, g, a) => (!free.has(a) && g > (gain[best] ?? least) ? a : best), -1);
    if (next < 0) break;
    free.add(next);
    for (;;) {
      const members = [...free];
      const solved = solve(
        members.map((a) => members.map((b) => gram[a]![b]!)),
        members.map((a) => right[a]!),
      );
      const target = new Array<number>(size).fill(0);
      for (const [at, a] of members.entries()) target[a] = solved[at]!;
      const crossing = members.filter((a) => target[a]! <= 0);
      if (crossing.length === 0) {
        x = target;
        break;
      }
      const step = Math.min(...crossing.map((a) => x[a]! / (x[a]! - target[a]! || 1)));
      x = x.map((value, a) => value + step * (target[a]! - value));
      for (const a of crossing) {
        if (x[a]! > 1e-15 * Math.max(...x)) continue;
        x[a] = 0;
        free.delete(a);
      }
    }
  }
  return x.map((value, a) => value / lengths[a]!);
}

/** Gains below this share of the largest are rounding. */
const TOLERANCE = 1e-12;

/** Solves a symmetric positive system by elimination; an unknown that others determine gets 0. */
function solve(matrix: readonly (readonly number[])[], right: readonly number[]): readonly number[] {
  const rows = matrix.map((row, a) => [...row, right[a]!]);
  const size = rows.length;
  for (let a = 0; a < size; a++) {
    const pivot = rows[a]![a]!;
    for (let b = a + 1; b < size; b++) {
      const factor = pivot > 1e-12 ? rows[b]![a]! / pivot : 0;
      for (let c = a; c <= size; c++) rows[b]![c]! -= factor * rows[a]![c]!;
    }
  }
  const x = new Array<number>(size).fill(0);
  for (let a = size - 1; a >= 0; a--) {
    const row = rows[a]!;
    const known = row.slice(a + 1, size).reduce((total, value, i) => total + value * x[a + 1 + i]!, 0);
    x[a] = row[a]! > 1e-12 ? (row[size]! - known) / row[a]! : 0;
  }
  return x;
}
