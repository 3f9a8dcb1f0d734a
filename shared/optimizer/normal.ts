/**
 * Probability that a normal error stays below a slack.
 *
 * @param slackMs  positive: the mean is in time
 * @param variance of the error; 0 decides by the slack's sign alone
 */
export function chanceWithin(slackMs: number, variance: number): number {
  // A millisecond's billionth is rounding.
  if (variance <= 0) return slackMs >= -1e-9 ? 1 : 0;
  const z = slackMs / Math.sqrt(variance);
  // The normal distribution function, to 7.5e-8 (Abramowitz and Stegun, 26.2.17).
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const series = 0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429)));
  const tail = 0.3989422804 * Math.exp((-z * z) / 2) * t * series;
  return z >= 0 ? 1 - tail : tail;
}
