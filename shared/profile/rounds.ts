/** Runs something so many times in a row; settles with the milliseconds of one. Rejects to stop. */
export type Timed = (runs: number) => Promise<number>;

export interface RoundOptions {
  /** Untimed runs of each. */
  readonly warmups: number;
  /** Timings of each, 1 or more. */
  readonly repeats: number;
  /** Asked after each round: true ends the measurement before all repeats are done. */
  readonly isOver?: () => boolean;
  /** Told after every timing which share is done, 0..1. */
  readonly onProgress?: (share: number) => void;
}

/**
 * Times several things in rounds: they take turns, so that a slow spell of the machine falls on all of them
 * alike. Short ones run several times per timing: browsers' clocks step by up to 0.1 ms.
 *
 * @returns the timings of each, in milliseconds
 * @throws whatever a run rejects with
 */
export async function timeInRounds(
  jobs: readonly Timed[],
  { warmups, repeats, isOver = () => false, onProgress = () => {} }: RoundOptions,
): Promise<readonly (readonly number[])[]> {
  const total = jobs.length * (repeats + 1);
  let done = 0;
  const progress = (): void => onProgress(++done / total);
  const runs: number[] = [];
  for (const job of jobs) {
    if (warmups > 0) await job(warmups);
    runs.push(Math.min(MAX_RUNS, Math.ceil(MIN_TIMING_MS / Math.max(await job(1), 1e-3))));
    progress();
  }
  const timings = jobs.map((): number[] => []);
  for (let repeat = 0; repeat < repeats; repeat++) {
    for (const at of scattered(jobs.length, repeat)) {
      timings[at]!.push(await jobs[at]!(runs[at]!));
      progress();
    }
    if (isOver()) break;
  }
  onProgress(1);
  return timings;
}

/** 0..count-1, neighbours far apart, in another order each round: a slow spell meets things of all kinds. */
function scattered(count: number, round: number): readonly number[] {
  let step = Math.round(count * 0.618) + round;
  while (gcd(step, count) !== 1) step++;
  return Array.from({ length: count }, (_, i) => ((i + round) * step) % count);
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

/** Of timings in any order; linear between neighbours. */
export function quantile(timings: readonly number[], share: number): number {
  const sorted = timings.toSorted((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const low = sorted[Math.floor(at)]!;
  return low + (at - Math.floor(at)) * (sorted[Math.ceil(at)]! - low);
}

/** A timing lasts at least this long, where `MAX_RUNS` allows. */
const MIN_TIMING_MS = 2;
const MAX_RUNS = 20;
