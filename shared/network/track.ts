/**
 * A positive quantity followed through noisy samples, on a logarithmic scale: half and double are equally
 * far away. Plain data.
 */
export interface Track {
  readonly value: number;
  /** Relative standard deviation that was assumed at first; fades with the samples. */
  readonly prior: number;
  /** Mean absolute deviation of the samples from the value before them, in logarithms. */
  readonly deviation: number;
  /** Samples since the start, the last jump or the last long pause. */
  readonly count: number;
  /** The last sample, if it lay too far off to be taken in. */
  readonly suspect: number | null;
  readonly atMs: number;
}

export function startTrack(value: number, prior: number): Track {
  return { value, prior, deviation: USUAL_DEVIATION, count: 0, suspect: null, atMs: 0 };
}

/**
 * The track after one more sample.
 *
 * Near samples enter an exponential average. A far one is suspected: alone it changes only the spread. A
 * second one in a row on the same side is a change: the history is dropped and the value jumps. So a step
 * is followed with its second sample, and one outlier is not followed at all.
 *
 * @param sample above 0
 */
export function track(before: Track, sample: number, atMs: number): Track {
  const count = atMs - before.atMs > STALE_MS ? 0 : before.count;
  const offset = Math.log(sample / before.value);
  const limit =
    count === 0
      ? Math.max(2 * before.prior, MIN_LIMIT)
      : Math.min(Math.max(3 * before.deviation, MIN_LIMIT), MAX_LIMIT);
  const seen = Math.min(Math.abs(offset), limit);
  const deviation = count === 0 ? before.deviation : before.deviation + GAIN * (seen - before.deviation);
  if (Math.abs(offset) <= limit) {
    const value = before.value * Math.exp(offset * Math.max(GAIN, 1 / (count + 1)));
    return { ...before, value, deviation, count: Math.min(count + 1, MAX_COUNT), suspect: null, atMs };
  }
  const { suspect } = before;
  const isChange = suspect !== null && suspect > before.value === sample > before.value;
  if (!isChange) return { ...before, deviation, count, suspect: sample, atMs };
  // Two that agree are averaged; otherwise the first was still half-way.
  const agree = Math.abs(Math.log(sample / suspect)) <= MIN_LIMIT;
  const value = agree ? Math.sqrt(sample * suspect) : sample;
  return { ...before, value, deviation: USUAL_DEVIATION, count: agree ? 2 : 1, suspect: null, atMs };
}

/** Relative standard deviation of the next sample: the noise seen, and what is left of the first doubt. */
export function relativeSpread(track: Track): number {
  // For normal noise the standard deviation is 1.25 mean absolute deviations.
  const noise = track.count < 1 ? 0 : 1.25 * track.deviation;
  return Math.hypot(noise, track.prior / (track.count + 1));
}

const USUAL_DEVIATION = 0.1;
/** Weight of a sample once there are several. */
const GAIN = 0.15;
/** Where far begins: a factor of 1.5 on a quiet quantity, up to 2.5 on a noisy one. */
const MIN_LIMIT = Math.log(1.5);
const MAX_LIMIT = Math.log(2.5);
const MAX_COUNT = 20;
/** After such a pause the next sample counts as the first. */
const STALE_MS = 60_000;
