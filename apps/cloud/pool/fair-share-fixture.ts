import { type BatchLine, TailTimes } from "../tails/tail-times.ts";
import { least } from "./flow.ts";
import { formBatch } from "./form-batch.ts";
import { type Portion, type Queued, type Run, TailQueue } from "./tail-queue.ts";

// For tests only: a queue, workers and clients without a clock, so that hours pass in a moment and always the same way.

/** Clients that send their next request when they have their answer. */
export interface Group {
  readonly client: string;
  readonly model: string;
  readonly connections: number;
  /** In each request. */
  readonly images: number;
  /** What a run of a number of images takes. */
  readonly fixedMs: number;
  readonly perImageMs: number;
  /** Between an answer and the next request. */
  readonly pauseMs: number;
  /** What the warm-up said of it; the truth, if not given. */
  readonly believed?: BatchLine;
}

/** What became of a group. */
export interface Outcome {
  /** Of the work of all. */
  readonly share: number;
  readonly imagesPerSecond: number;
  readonly medianMs: number;
}

interface Job extends Queued {
  readonly group: Group;
  readonly connection: number;
  done: number;
}

const MAX_IMAGES = 32;
const MAX_MS = 2_500;

/** @returns by group, and images in a batch in the mean */
export function simulate(
  groups: readonly Group[],
  workers: number,
  seconds: number,
): { readonly outcomes: readonly Outcome[]; readonly batch: number; readonly busy: number } {
  const queue = new TailQueue<Job>();
  const times = new Map(
    groups.map(({ model, believed, ...line }) => [model, new TailTimes(believed ?? line)]),
  );
  const tally = groups.map(() => ({ workMs: 0, images: 0, waits: [] as number[] }));
  const events: { readonly atMs: number; readonly happen: () => void }[] = [];
  let nowMs = 0;
  let idle = workers;
  let [runs, ran] = [0, 0];
  const later = (delayMs: number, happen: () => void) => events.push({ atMs: nowMs + delayMs, happen });

  const send = (group: Group, connection: number): void => {
    const { client, model, images } = group;
    const known = times.get(model)!;
    known.arrive(nowMs);
    const who = [client, model, `${groups.indexOf(group)} ${connection}`];
    const workMs = known.shareMs(images);
    const shared = { kind: model, images, finishBy: Number.POSITIVE_INFINITY, arrivedMs: nowMs };
    queue.push({ ...shared, group, connection, who, bytes: 1, workMs, done: 0 }, nowMs);
    pump();
  };
  const pump = (): void => {
    for (let first = queue.first(); idle > 0 && first !== undefined; first = queue.first()) {
      const known = times.get(first.kind)!;
      const bounds = { times: known, maxImages: MAX_IMAGES, maxMs: MAX_MS, nowMs };
      const offered = queue.offer(bounds);
      const waiting = queue.size;
      const { jobs, holdUntil } = formBatch(offered, { ...bounds, idleWorkers: idle, waiting });
      const untilMs = Math.max(holdUntil, idle === 1 ? queue.keptUntilMs() : nowMs);
      if (untilMs > nowMs) {
        later(untilMs - nowMs, pump);
        return;
      }
      start(jobs, known);
    }
  };
  const start = (portions: readonly Portion<Job>[], known: TailTimes): void => {
    const images = portions.reduce((sum, portion) => sum + portion.images, 0);
    const { fixedMs, perImageMs } = portions[0]!.job.group;
    const tookMs = fixedMs + perImageMs * images;
    const run = queue.begin(portions, known.expectMs(images), nowMs);
    idle--;
    runs++;
    ran += images;
    later(tookMs, () => end(portions, known, run, images, tookMs));
  };
  const end = (
    portions: readonly Portion<Job>[],
    known: TailTimes,
    run: Run,
    images: number,
    tookMs: number,
  ): void => {
    run.end(tookMs, nowMs);
    known.learn(images, tookMs, nowMs);
    idle++;
    for (const { job, images: own } of portions) {
      const { group, connection } = job;
      const count = tally[groups.indexOf(group)]!;
      count.workMs += (tookMs * own) / images;
      count.images += own;
      job.done += own;
      if (job.done < job.images) continue;
      count.waits.push(nowMs - job.arrivedMs);
      // Not all at once, nor at the very same distance.
      later(group.pauseMs * (0.7 + 0.6 * ((7 * connection + count.waits.length) % 10) * 0.1), () =>
        send(group, connection),
      );
    }
    pump();
  };

  for (const group of groups) {
    for (let at = 0; at < group.connections; at++) later(at, () => send(group, at));
  }
  while (events.length > 0) {
    const next = least(events, (event) => event.atMs)!;
    events.splice(events.indexOf(next), 1);
    const { atMs, happen } = next;
    if (atMs > 1000 * seconds) break;
    nowMs = atMs;
    happen();
  }
  const allMs = tally.reduce((sum, { workMs }) => sum + workMs, 0);
  const outcomes = tally.map(({ workMs, images, waits }): Outcome => {
    const sorted = waits.sort((a, b) => a - b);
    return {
      share: workMs / allMs,
      imagesPerSecond: images / seconds,
      medianMs: sorted[sorted.length >> 1] ?? Number.NaN,
    };
  });
  return { outcomes, batch: ran / runs, busy: allMs / (1000 * seconds * workers) };
}
