/** Of the newest outcome in the running mean and variance. */
const WEIGHT = 0.05;
/** Shorter expectations are all noise. */
const LEAST_MS = 2;
/** Standard deviations above the mean: nineteen in twenty are done by then, if errors are normal. */
const CAUTION = 1.645;
/** No run of bad luck makes it give up, and none of good luck makes it bold. */
const [LEAST_FACTOR, MOST_FACTOR] = [0.5, 4];

/**
 * How long jobs were expected to take, waiting included, and how long they did. Expectations leave out what is not
 * known: how workers slow one another down, what the machine does beside. Their logarithmic error is followed, its
 * mean and its spread, and what is expected next is corrected by it.
 */
export class Foresight {
  private mean = 0;
  private variance = 0;

  learn(expectedMs: number, actualMs: number): void {
    if (expectedMs < LEAST_MS || actualMs <= 0) return;
    const error = Math.log(actualMs / expectedMs) - this.mean;
    this.mean += WEIGHT * error;
    this.variance = (1 - WEIGHT) * (this.variance + WEIGHT * error * error);
  }

  /** What an expectation of such a time means. */
  likely(expectedMs: number): number {
    return expectedMs * factor(this.mean);
  }

  /** Within which it is nearly always done. */
  cautious(expectedMs: number): number {
    return expectedMs * factor(this.mean + CAUTION * Math.sqrt(this.variance));
  }
}

function factor(logarithm: number): number {
  return Math.min(MOST_FACTOR, Math.max(LEAST_FACTOR, Math.exp(logarithm)));
}
