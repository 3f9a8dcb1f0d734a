import type { TailTimes } from "../tails/tail-times.ts";

/** What batching asks of a job that waits. */
export interface Waiting {
  /** Jobs of one kind can run as one batch. */
  readonly kind: string;
  readonly images: number;
  /** When its client stops to care, on the clock of `performance.now()`. */
  readonly finishBy: number;
  readonly arrivedMs: number;
}

export interface Batch<T> {
  /** The first in line, and those behind it that go along. */
  readonly jobs: readonly T[];
  /** Until when to wait for more before it runs, on the same clock; now or before: not at all. */
  readonly holdUntil: number;
}

export interface Circumstances {
  /** Jobs in line, those of other kinds too; as many as are given, if not told. */
  readonly waiting?: number;
  readonly times: TailTimes;
  readonly idleWorkers: number;
  readonly maxImages: number;
  /** Longest that a batch of several may be expected to run. */
  readonly maxMs: number;
  readonly nowMs: number;
}

/** A batch must save this share of the time per image: less is within what measuring it errs. */
const LEAST_GAIN = 0.1;
/** In a batch that is run to see what it saves: as many as when workers warm up. */
const TRIAL_IMAGES = 4;
/** Shorter waits are below what a timer keeps. */
const LEAST_WAIT_MS = 1;

/**
 * The jobs to run next.
 *
 * Jobs go along with the first of their kind while there are more in line than idle workers, the batch saves
 * `LEAST_GAIN` of the time per image, and nobody in it misses a deadline that it would keep without. With the last
 * idle worker it may pay to wait for a job that has not come: it would else find the worker busy. With a run of n
 * images taking a + n b, waiting w costs each of the n jobs w + b, and saves the newcomer a - w: it pays in the mean
 * if w < (a - n b) / (n + 1), and is done if the next arrival is expected within that time.
 */
export function formBatch<T extends Waiting>(queue: readonly T[], circumstances: Circumstances): Batch<T> {
  const { times, idleWorkers, maxImages, maxMs, nowMs, waiting = queue.length } = circumstances;
  const first = queue[0]!;
  const jobs = [first];
  let images = first.images;
  let finishBy = first.finishBy;
  // Another idle worker takes a job sooner than a batch ends.
  let surplus = waiting - idleWorkers;
  for (const job of queue.slice(1)) {
    if (surplus <= 0) break;
    if (job.kind !== first.kind || images + job.images > maxImages) continue;
    const earliest = Math.min(finishBy, job.finishBy);
    const runMs = times.expectMs(images + job.images);
    if (runMs > maxMs || nowMs + runMs > earliest) continue;
    jobs.push(job);
    images += job.images;
    finishBy = earliest;
    surplus--;
  }
  if (jobs.length > 1 && !pays(times, images)) return { jobs: [first], holdUntil: nowMs };
  return { jobs, holdUntil: idleWorkers > 1 ? nowMs : holdUntil(first, images, finishBy, circumstances) };
}

/** Whether so many images are worth running as one batch, or worth a trial. */
export function pays(times: TailTimes, images: number): boolean {
  return saves(times, images) || (times.isUntried && images <= TRIAL_IMAGES);
}

/** Images in a batch, where no more than a trial is worth it. */
export function batchBound(times: TailTimes, maxImages: number): number {
  return saves(times, maxImages) || !times.isUntried ? maxImages : Math.min(maxImages, TRIAL_IMAGES);
}

function saves(times: TailTimes, images: number): boolean {
  return times.expectMs(images) / images <= (1 - LEAST_GAIN) * times.expectMs(1);
}

function holdUntil(
  first: Waiting,
  images: number,
  finishBy: number,
  { times, maxImages, nowMs }: Circumstances,
): number {
  const { fixedMs, perImageMs } = times.line;
  const worthMs = (fixedMs - images * perImageMs) / (images + 1);
  const gapMs = times.gapMs(nowMs);
  if (worthMs < LEAST_WAIT_MS || gapMs > worthMs || images >= maxImages) return nowMs;
  return Math.min(first.arrivedMs + worthMs, finishBy - times.expectMs(images + 1));
}
