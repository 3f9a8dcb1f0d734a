import { EddiError } from "#shared/errors";

/** Bits per second: always the same, or step after step, from the beginning again after the last. */
export type Rate = number | readonly RateStep[];

export interface RateStep {
  readonly durationMs: number;
  /** 0 or above; 0 is a gap in coverage. */
  readonly bps: number;
}

/** How many bits a link of some rate can have carried since it began to play. */
export interface Capacity {
  /** Bits that fit between the beginning and this many milliseconds later. */
  bitsAt(ms: number): number;
  /** When that many bits are through, in milliseconds after the beginning: the inverse of `bitsAt`. */
  msOf(bits: number): number;
}

/** @throws EddiError `bad-argument` for a rate that never carries anything */
export function capacityOf(rate: Rate): Capacity {
  const steps = typeof rate === "number" ? [{ durationMs: 1000, bps: rate }] : rate;
  const valid = ({ durationMs, bps }: RateStep): boolean =>
    durationMs > 0 && Number.isFinite(durationMs) && bps >= 0 && Number.isFinite(bps);
  if (!steps.every(valid) || !steps.some(({ bps }) => bps > 0)) {
    const came = JSON.stringify(rate).slice(0, 80);
    throw new EddiError("bad-argument", `rate: expected bits per second above 0, got ${came}`);
  }
  // Milliseconds and bits at the beginning of each step, and at the end of the last.
  const atMs = [0];
  const atBits = [0];
  for (const [i, { durationMs, bps }] of steps.entries()) {
    atMs.push(atMs[i]! + durationMs);
    atBits.push(atBits[i]! + (durationMs * bps) / 1000);
  }
  return { bitsAt: (ms) => follow(ms, atMs, atBits), msOf: (bits) => follow(bits, atBits, atMs) };
}

/** Reads y at x on the line through (xs, ys), which repeats, each round on top of the last one. */
function follow(x: number, xs: readonly number[], ys: readonly number[]): number {
  const last = xs.length - 1;
  const rounds = Math.floor(x / xs[last]!);
  const rest = x - rounds * xs[last]!;
  const base = rounds * ys[last]!;
  if (rest <= 0) return rounds > 0 ? earliest(rounds, xs, ys) : base;
  // The first point at or after the rest: where the line is level in x, its beginning counts.
  let [low, high] = [1, last];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (xs[middle]! >= rest) high = middle;
    else low = middle + 1;
  }
  const share = (rest - xs[low - 1]!) / (xs[low]! - xs[low - 1]!);
  return base + ys[low - 1]! + share * (ys[low]! - ys[low - 1]!);
}

/** The same after whole rounds, which may end on a gap: its beginning counts. */
function earliest(rounds: number, xs: readonly number[], ys: readonly number[]): number {
  const at = xs.indexOf(xs.at(-1)!);
  return (rounds - 1) * ys.at(-1)! + ys[at]!;
}
