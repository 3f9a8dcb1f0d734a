/** What repeated timings come to, in the unit of the timings. */
export interface Timing {
  readonly median: number;
  readonly p95: number;
  readonly samples: number;
}

/** @param values one or more */
export function timingOf(values: readonly number[]): Timing {
  const sorted = values.toSorted((a, b) => a - b);
  return { median: quantile(sorted, 0.5), p95: quantile(sorted, 0.95), samples: sorted.length };
}

/** Linear between neighbours. */
function quantile(sorted: readonly number[], share: number): number {
  const at = share * (sorted.length - 1);
  const low = sorted[Math.floor(at)]!;
  return low + (at - Math.floor(at)) * (sorted[Math.ceil(at)]! - low);
}

/**
 * Exponent of growth: slope of ln(value) over ln(size) by least squares.
 *
 * @param points two or more of different size, all above 0
 */
export function growthExponent(points: readonly (readonly [size: number, value: number])[]): number {
  const logs = points.map(([size, value]) => [Math.log(size), Math.log(value)] as const);
  const mean = (at: 0 | 1): number => logs.reduce((sum, pair) => sum + pair[at], 0) / logs.length;
  const [x, y] = [mean(0), mean(1)];
  const covariance = logs.reduce((sum, pair) => sum + (pair[0] - x) * (pair[1] - y), 0);
  return covariance / logs.reduce((sum, pair) => sum + (pair[0] - x) ** 2, 0);
}
