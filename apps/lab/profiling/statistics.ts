/** A time as it was predicted and as it was measured, milliseconds. */
export interface Pair {
  readonly predictedMs: number;
  readonly measuredMs: number;
}

export interface Errors {
  readonly count: number;
  /** Mean absolute percentage error, 0..: 0.1 is 10 %. */
  readonly mape: number;
  /** Root of the mean squared error, milliseconds. */
  readonly rmseMs: number;
  /** Share of the variance that is explained: 1 - squared errors / squared deviations from the mean. */
  readonly r2: number;
}

/** How far predictions are off. Without pairs everything is NaN; R2 too where all measured times are the same. */
export function errorsOf(pairs: readonly Pair[]): Errors {
  const mean = (of: (pair: Pair) => number): number =>
    pairs.reduce((sum, pair) => sum + of(pair), 0) / pairs.length;
  const meanMs = mean(({ measuredMs }) => measuredMs);
  const squaredError = mean(({ predictedMs, measuredMs }) => (predictedMs - measuredMs) ** 2);
  const variance = mean(({ measuredMs }) => (measuredMs - meanMs) ** 2);
  return {
    count: pairs.length,
    mape: mean(({ predictedMs, measuredMs }) => Math.abs(predictedMs - measuredMs) / measuredMs),
    rmseMs: Math.sqrt(squaredError),
    r2: variance > 0 ? 1 - squaredError / variance : Number.NaN,
  };
}

/** Mean of the middle half of some values, in any order; of few values of all but the extremes. */
export function middleMean(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const cut = Math.floor(sorted.length / 4);
  const middle = sorted.slice(cut, sorted.length - cut);
  return middle.reduce((sum, value) => sum + value, 0) / middle.length;
}
