import type { Random } from "#shared/random";

/** A distribution of positive values by points of its inverse: probabilities that rise in 0..1, values with them. */
export interface Quantiles {
  readonly p: readonly number[];
  readonly q: readonly number[];
}

export interface Weighted {
  /** Of one; those of a list sum to 1. */
  readonly weight: number;
}

/** The recipe's Q: linear in ln q between the points, level outside of them. */
export function quantileAt({ p, q }: Quantiles, u: number): number {
  const above = p.findIndex((one) => one > u);
  if (above < 0) return q.at(-1)!;
  if (above === 0) return q[0]!;
  const [low, high] = [q[above - 1]!, q[above]!];
  const share = (u - p[above - 1]!) / (p[above]! - p[above - 1]!);
  return low * (high / low) ** share;
}

/** The recipe's C: the first whose cumulative weight exceeds a number that is drawn, else the last. */
export function choose<T extends Weighted>(list: readonly T[], random: Random): T {
  return list[
    chooseAt(
      list.map(({ weight }) => weight),
      random,
    )
  ]!;
}

/** The same, its position. */
export function chooseAt(weights: readonly number[], random: Random): number {
  const u = random();
  let sum = 0;
  const found = weights.findIndex((weight) => {
    sum += weight;
    return sum > u;
  });
  return found < 0 ? weights.length - 1 : found;
}

/** The value of a distribution that half of all lie below. */
export function medianOf(quantiles: Quantiles): number {
  return quantileAt(quantiles, 0.5);
}
