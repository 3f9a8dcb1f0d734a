/** A slack in standard deviations; where there are none it is infinite. */
export function deviations(slackMs: number, sdMs: number): number {
  // A millisecond's billionth is rounding.
  if (!(sdMs > 0)) return slackMs >= -1e-9 ? Infinity : -Infinity;
  return slackMs / sdMs;
}

/** The normal distribution function, to 7.5e-8 (Abramowitz and Stegun, 26.2.17). */
export function chanceOf(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const series = 0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429)));
  const tail = 0.3989422804 * Math.exp((-z * z) / 2) * t * series;
  return z >= 0 ? 1 - tail : tail;
}

/** The normal distribution's quantile of a probability between 0 and 1, to 4.5e-4 (Abramowitz and Stegun, 26.2.23). */
export function quantileOf(p: number): number {
  const t = Math.sqrt(-2 * Math.log(Math.min(p, 1 - p)));
  const z =
    t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
  return p < 0.5 ? -z : z;
}
