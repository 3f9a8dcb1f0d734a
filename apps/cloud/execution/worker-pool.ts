import { availableParallelism } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { EddiError, toEddiError } from "#shared/errors";
import type { EngineChoice } from "../config.ts";
import type { ModelFiles } from "../models/registry.ts";
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
import { PoolWorker, type Started } from "./pool-worker.ts";
import type { TailSetup } from "./tail-messages.ts";
import { TailQueue } from "./tail-queue.ts";
import type { TailTimes } from "./tail-times.ts";
import { kindOf, TimeTable } from "./time-table.ts";

export interface PoolOptions {
  readonly engine: EngineChoice;
  /** 0 for one per core, or one for a GPU. */
  readonly workers: number;
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
const FIRST_RESTART_DELAY_MS = 500;
const MAX_RESTART_DELAY_MS = 30_000;

/**
 * Threads that run tails, first come, first served; jobs of one kind as one batch where that pays. A thread that
 * crashes or does not end in time is replaced and the jobs that it had fail; every job settles.
 */
export class WorkerPool implements Executor {
  /** Resolves when all workers are warm; rejects when one cannot start, or on close. */
  readonly started: Promise<Started>;
  private readonly options: PoolOptions;
  private readonly workers = new Set<PoolWorker>();
  /** Replaced, and ending what they have. */
  private readonly retiring = new Set<PoolWorker>();
  private readonly queue = new TailQueue();
  private readonly times = new TimeTable();
  private readonly foresight = new Foresight();
  private models: readonly ModelFiles[];
  private engine: EngineChoice;
  private size = 0;
  private nextId = 0;
  private holding: NodeJS.Timeout | undefined;
  /** Workers are added and replaced one after another: the last of these doings. */
  private doings: Promise<unknown>;
  private closed = false;
  private readonly closing = new AbortController();

  constructor(options: PoolOptions) {
    this.options = options;
    this.models = options.models;
    this.engine = options.engine;
    this.started = this.start();
    this.doings = this.started.catch(() => {});
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
    const running = [...this.workers, ...this.retiring].filter((worker) => worker.isBusy).length;
    const expectedQueueMs = this.foresight.likely(this.waitMs(performance.now()));
    return { queued: this.queue.items.length, running, expectedQueueMs };
  }

  /**
   * Runs these models from now on. Each worker is replaced by one that has opened them, once that is warm: work goes
   * on all the while, and what an old worker has it ends.
   */
  setModels(models: readonly ModelFiles[]): Promise<Started> {
    return this.inTurn(async () => {
      this.models = models;
      let started = await this.started;
      for (const old of [...this.workers]) {
        started = await this.addWorker();
        this.workers.delete(old);
        this.retiring.add(old);
        void old.retire().then(() => this.retiring.delete(old));
      }
      return started;
    });
  }

  /** Whether jobs of a model wait or run. */
  holds(model: string): boolean {
    return (
      this.queue.items.some(({ job }) => job.model === model) ||
      [...this.workers, ...this.retiring].some((worker) => worker.runs(model))
    );
  }

  /** Tails that run at once; 0 before the first worker is warm. */
  workerCount(): number {
    return this.size;
  }

  /** Waits until nothing is pending, at most so long. */
  async drain(limitMs: number): Promise<void> {
    const endMs = performance.now() + limitMs;
    const pending = () => this.queue.items.length > 0 || this.load().running > 0;
    while (pending() && performance.now() < endMs) await sleep(20);
  }

  async close(): Promise<void> {
    this.closed = true;
    this.closing.abort();
    clearTimeout(this.holding);
    for (const pending of this.queue.clear()) pending.fail(closedError());
    const workers = [...this.workers, ...this.retiring];
    this.workers.clear();
    await Promise.all(workers.map((worker) => worker.stop(closedError())));
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
    if ((waitMs > maxQueueMs || bytes > maxQueueBytes) && this.idle() === undefined) {
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
    if (this.idle() !== undefined) return 0;
    let leftMs = 0;
    for (const worker of this.workers) leftMs += worker.leftMs(nowMs);
    return (this.queue.workMs + leftMs) / Math.max(1, this.size);
  }

  /** One after another: TensorFlow's addon fills a table of the process without a lock while it warms up. */
  private async start(): Promise<Started> {
    const first = await this.addWorker();
    this.engine = first.engine.name;
    const automatic = first.engine.device === "gpu" ? 1 : availableParallelism();
    this.size = this.options.workers || automatic;
    while (this.workers.size < this.size) await this.addWorker();
    return first;
  }

  private async addWorker(): Promise<Started> {
    if (this.closed) throw closedError();
    const { entry = new URL("./tail-worker.ts", import.meta.url) } = this.options;
    const workerData: TailSetup = { entry: entry.href, engine: this.engine, models: this.models };
    const worker = new PoolWorker(workerData);
    this.workers.add(worker);
    try {
      const started = await worker.started;
      for (const one of started.warmed) this.times.warmed(one);
      worker.onFree = () => this.pump();
      worker.onRan = (jobs, computeMs) => {
        const images = jobs.reduce((sum, job) => sum + job.images, 0);
        const { job } = jobs[0]!;
        this.times.of(job).learn(images, computeMs, performance.now());
        this.options.onBatch?.(job.model, images, computeMs);
        for (const { expectedMs, arrivedMs } of jobs) {
          this.foresight.learn(expectedMs, performance.now() - arrivedMs);
        }
      };
      worker.onLost = (why) => this.lose(worker, why);
      this.pump();
      return started;
    } catch (thrown) {
      this.workers.delete(worker);
      await worker.stop(toEddiError(thrown));
      throw thrown;
    }
  }

  private lose(worker: PoolWorker, why: string): void {
    if (!this.workers.delete(worker) || this.closed) return;
    this.options.onLost?.();
    this.options.onTrouble(`a worker was lost and is replaced: ${why}`);
    void this.inTurn(() => this.refill());
  }

  private async refill(): Promise<void> {
    let delayMs = FIRST_RESTART_DELAY_MS;
    while (!this.closed && this.workers.size < this.size) {
      try {
        await this.addWorker();
      } catch (thrown) {
        if (this.closed) return;
        this.options.onTrouble(`a worker could not be replaced: ${toEddiError(thrown).message}`);
        await sleep(delayMs, undefined, { signal: this.closing.signal, ref: false }).catch(() => {});
        delayMs = Math.min(2 * delayMs, MAX_RESTART_DELAY_MS);
      }
    }
  }

  private inTurn<T>(doing: () => Promise<T>): Promise<T> {
    const done = this.doings.then(doing);
    this.doings = done.catch(() => {});
    return done;
  }

  private idle(): PoolWorker | undefined {
    for (const worker of this.workers) if (worker.isIdle) return worker;
    return undefined;
  }

  private pump(): void {
    clearTimeout(this.holding);
    for (let worker = this.idle(); worker !== undefined; worker = this.idle()) {
      const first = this.queue.items[0];
      if (first === undefined) return;
      const nowMs = performance.now();
      if (nowMs >= first.job.startBy) {
        this.drop(first, "late");
        continue;
      }
      const times = this.times.of(first.job);
      const idleWorkers = [...this.workers].filter(({ isIdle }) => isIdle).length;
      const { maxBatch: maxImages, runLimitMs } = this.options;
      const bounds = { maxImages, maxMs: BATCH_SHARE * runLimitMs };
      const { jobs, holdUntil } = formBatch(this.queue.items, { times, idleWorkers, nowMs, ...bounds });
      if (holdUntil > nowMs) {
        this.holding = setTimeout(() => this.pump(), holdUntil - nowMs);
        return;
      }
      for (const job of jobs) this.queue.remove(job);
      const images = jobs.reduce((sum, job) => sum + job.images, 0);
      worker.run(this.nextId++, jobs, times.expectMs(images), runLimitMs);
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
