const SECOND_MS = 1000;

/** What went on in each second of a fleet's life. */
export class Course {
  readonly workMs: Float64Array;
  /** Sums of squares of single requests' work: what chance alone makes of a second's work. */
  readonly squares: Float64Array;
  readonly goodput: Float64Array;
  readonly photos: Float64Array;
  readonly live: Float64Array;
  readonly toldMs: Float64Array;

  constructor(durationMs: number) {
    const seconds = Math.ceil(durationMs / SECOND_MS);
    const make = (): Float64Array => new Float64Array(seconds);
    [this.workMs, this.squares, this.goodput, this.photos, this.live, this.toldMs] = [
      make(),
      make(),
      make(),
      make(),
      make(),
      make(),
    ];
  }

  get seconds(): number {
    return this.workMs.length;
  }

  /** A request has come to the cloud. */
  work(atMs: number, ms: number): void {
    const second = this.secondOf(atMs);
    this.workMs[second]! += ms;
    this.squares[second]! += ms * ms;
  }

  /** @param atMs when the photo came */
  photo(atMs: number, isGood: boolean): void {
    const second = this.secondOf(atMs);
    this.photos[second]! += 1;
    if (isGood) this.goodput[second]! += 1;
  }

  secondOf(ms: number): number {
    return Math.min(this.seconds - 1, Math.floor(ms / SECOND_MS));
  }
}

export function meanOf(values: Float64Array, from: number, to: number): number {
  let sum = 0;
  for (let at = from; at < to; at++) sum += values[at]!;
  return sum / Math.max(1, to - from);
}

/**
 * How much the cloud's load swings from second to second: its standard deviation over its mean; all of it, and what
 * is left when requests come by chance alone (a compound Poisson process) is taken off.
 */
export function oscillation(
  { workMs, squares }: Course,
  from: number,
  to: number,
): { readonly all: number; readonly beyondChance: number } {
  const mean = meanOf(workMs, from, to);
  if (mean === 0) return { all: 0, beyondChance: 0 };
  let variance = 0;
  for (let at = from; at < to; at++) variance += (workMs[at]! - mean) ** 2 / (to - from);
  const chance = meanOf(squares, from, to);
  return { all: Math.sqrt(variance) / mean, beyondChance: Math.sqrt(Math.max(0, variance - chance)) / mean };
}
