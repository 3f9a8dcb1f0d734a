import { setTimeout as sleep } from "node:timers/promises";
import { EddiError } from "#shared/errors";
import type { EngineChoice, Isolation } from "../config.ts";
import type { ModelFiles } from "../models/registry.ts";
import { Crew } from "./crew.ts";
import {
  type Executor,
  type Forecast,
  type Load,
  Shed,
  type Tail,
  type TailJob,
  type TailResult,
} from "./executor.ts";
import { Foresight } from "./foresight.ts";
import { formBatch } from "./form-batch.ts";
import { bytesOf, goneError, lateError, PendingTail } from "./pending-tail.ts";
import type { Started } from "./pool-worker.ts";
import { TailQueue } from "./tail-queue.ts";
import type { TailTimes } from "./tail-times.ts";
import { kindOf, TimeTable } from "./time-table.ts";
import { TAIL_WORKER } from "./worker-entry.ts";

export interface PoolOptions {
  readonly engine: EngineChoice;
  /** 0 for one per core, or one for a GPU. */
  readonly workers: number;
  readonly isolation: Isolation;
  /** Work that may wait: how long a request may have to expect to wait, milliseconds. */
  readonly maxQueueMs: number;
  /** Of all tensors that wait. */
  readonly maxQueueBytes: number;
  /** Images in one batch. */
  readonly maxBatch: number;
  /** Longest that one batch may run before its worker is given up. */
  readonly runLimitMs: number;
  readonly models: readonly ModelFiles[];
  /** Told of workers that are lost and of those that do not come back. */
  readonly onTrouble: (message: string) => void;
  /** Told of each worker that is lost once it was warm. */
  readonly onLost?: () => void;
  /** Told of each batch that ran. */
  readonly onBatch?: (model: string, images: number, computeMs: number) => void;
  /** The module that workers run. */
  readonly entry?: URL;
}

/** A batch may be expected to take this share of the time after which its worker is given up. */
const BATCH_SHARE = 0.25;

/**
 * Runs tails in workers, first come, first served; jobs of one kind as one batch where that pays. A worker that
 * crashes or does not end in time is replaced and the jobs that it had fail; every job settles.
 */
export class WorkerPool implements Executor {
  /** Resolves when all workers are warm; rejects when one cannot start, or on close. */
  readonly started: Promise<Started>;
  private readonly options: PoolOptions;
  private readonly crew: Crew;
  private readonly queue = new TailQueue();
  private readonly times = new TimeTable();
  private readonly foresight = new Foresight();
  private nextId = 0;
  private holding: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(options: PoolOptions) {
    this.options = options;
    const { engine, workers, isolation, models, maxBatch, onTrouble, onLost = () => {} } = options;
    const { entry = TAIL_WORKER } = options;
    this.crew = new Crew({
      ...{ engine, workers, isolation, models, maxBatch, entry, onTrouble, onLost },
      onFree: () => this.pump(),
      onWarm: ({ warmed }) => {
        for (const one of warmed) this.times.warmed(one);
      },
      onRan: (jobs, computeMs) => this.learn(jobs, computeMs),
    });
    this.started = this.crew.started;
  }

  run(job: TailJob): Promise<TailResult> {
    return new Promise((resolve, reject) => {
      if (this.closed) throw closedError();
      if (job.signal.aborted) throw goneError();
      const nowMs = performance.now();
      const kind = kindOf(job);
      const images = job.tensors[0]!.shape[0]!;
      const times = this.times.of(job);
      times.arrive(nowMs);
      const waitMs = this.waitMs(nowMs);
      const runMs = runTime(times, images, waitMs);
      const ownMs = times.isKnown(nowMs) ? runMs : 0;
      this.admit(job, waitMs, ownMs, nowMs);
      const workMs = times.shareMs(images);
      const startBy = Math.min(job.startBy, job.finishBy - ownMs);
      const admitted = { kind, images, workMs, startBy, expectedMs: waitMs + runMs };
      const pending = new PendingTail(job, admitted, resolve, reject, (why) => this.drop(pending, why));
      this.queue.push(pending);
      this.pump();
    });
  }

  forecast(tail: Tail, images: number): Forecast {
    const times = this.times.of(tail);
    const nowMs = performance.now();
    const waitMs = this.waitMs(nowMs);
    return {
      waitMs: this.foresight.likely(waitMs),
      runMs: runTime(times, images, waitMs),
      isGuess: !times.isKnown(nowMs),
    };
  }

  load(): Load {
    const expectedQueueMs = this.foresight.likely(this.waitMs(performance.now()));
    return { queued: this.queue.items.length, running: this.crew.running(), expectedQueueMs };
  }

  /** Runs these models from now on, without a pause. */
  setModels(models: readonly ModelFiles[]): Promise<Started> {
    return this.crew.setModels(models);
  }

  /** Whether jobs of a model wait or run. */
  holds(model: string): boolean {
    return this.queue.items.some(({ job }) => job.model === model) || this.crew.runs(model);
  }

  /** Tails that run at once; 0 before the first worker is warm. */
  workerCount(): number {
    return this.crew.size;
  }

  /** Waits until nothing is pending, at most so long. */
  async drain(limitMs: number): Promise<void> {
    const endMs = performance.now() + limitMs;
    const pending = () => this.queue.items.length > 0 || this.load().running > 0;
    while (pending() && performance.now() < endMs) await sleep(20);
  }

  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.holding);
    for (const pending of this.queue.clear()) pending.fail(closedError());
    await this.crew.close(closedError);
  }

  /**
   * Refuses at once what would not be done in time, and what would make others wait for too long.
   *
   * @param rawMs how long it is expected to wait, uncorrected
   * @param ownMs what the job itself is known to take; 0 when that is but guessed
   */
  private admit(job: TailJob, rawMs: number, ownMs: number, nowMs: number): void {
    const { maxQueueMs, maxQueueBytes } = this.options;
    const waitMs = this.foresight.likely(rawMs);
    const bytes = this.queue.bytes + bytesOf(job);
    if ((waitMs > maxQueueMs || bytes > maxQueueBytes) && this.crew.idle().length === 0) {
      const came = `got ${Math.round(waitMs)} ms and ${bytes} bytes`;
      const message = `expected at most ${maxQueueMs} ms and ${maxQueueBytes} bytes to wait, ${came}`;
      throw new EddiError("unavailable", message, { cause: new Shed("queue-full", waitMs) });
    }
    const leftMs = job.finishBy - nowMs;
    // With nothing to wait for it is tried: whoever is never let in teaches nothing.
    const neededMs = rawMs > 0 ? this.foresight.cautious(rawMs + ownMs) : ownMs;
    if (neededMs > leftMs) {
      const needed = `it would take ${Math.ceil(neededMs)} ms`;
      const message = `expected an answer within ${Math.max(0, Math.floor(leftMs))} ms, ${needed}`;
      throw new EddiError("timeout", message, { cause: new Shed("late", waitMs) });
    }
  }

  private waitMs(nowMs: number): number {
    if (this.crew.idle().length > 0) return 0;
    return (this.queue.workMs + this.crew.leftMs(nowMs)) / Math.max(1, this.crew.size);
  }

  private learn(jobs: readonly PendingTail[], computeMs: number): void {
    const nowMs = performance.now();
    const images = jobs.reduce((sum, job) => sum + job.images, 0);
    const { job } = jobs[0]!;
    this.times.of(job).learn(images, computeMs, nowMs);
    this.options.onBatch?.(job.model, images, computeMs);
    for (const { expectedMs, arrivedMs } of jobs) this.foresight.learn(expectedMs, nowMs - arrivedMs);
  }

  private pump(): void {
    clearTimeout(this.holding);
    for (let idle = this.crew.idle(); idle.length > 0; idle = this.crew.idle()) {
      const first = this.queue.items[0];
      if (first === undefined) return;
      const nowMs = performance.now();
      if (nowMs >= first.job.startBy) {
        this.drop(first, "late");
        continue;
      }
      const times = this.times.of(first.job);
      const { maxBatch: maxImages, runLimitMs } = this.options;
      const bounds = { idleWorkers: idle.length, maxImages, maxMs: BATCH_SHARE * runLimitMs };
      const { jobs, holdUntil } = formBatch(this.queue.items, { times, nowMs, ...bounds });
      if (holdUntil > nowMs) {
        this.holding = setTimeout(() => this.pump(), holdUntil - nowMs);
        return;
      }
      for (const job of jobs) this.queue.remove(job);
      const images = jobs.reduce((sum, job) => sum + job.images, 0);
      idle[0]!.run(this.nextId++, jobs, times.expectMs(images), runLimitMs);
    }
  }

  private drop(pending: PendingTail, why: "gone" | "late"): void {
    const { expectedMs, arrivedMs } = pending;
    // It would have taken longer still.
    if (this.queue.remove(pending) && why === "late") {
      this.foresight.learn(expectedMs, Math.max(expectedMs, performance.now() - arrivedMs));
    }
    pending.fail(why === "late" ? lateError(this.load().expectedQueueMs) : goneError());
  }
}

/** Who must wait runs with others, who need not runs alone. */
function runTime(times: TailTimes, images: number, waitMs: number): number {
  return waitMs > 0 ? times.usualMs(images) : times.expectMs(images);
}

function closedError(): EddiError {
  return new EddiError("unavailable", "the service is closing");
}
