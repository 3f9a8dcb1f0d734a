import { availableParallelism } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { EddiError, toEddiError } from "#shared/errors";
import type { EngineChoice } from "../config.ts";
import type { ModelFiles } from "../models/registry.ts";
import { type Executor, type Load, SHED, type TailJob, type TailResult } from "./executor.ts";
import { goneError, lateError, PendingTail } from "./pending-tail.ts";
import { PoolWorker, type Started } from "./pool-worker.ts";
import type { TailSetup } from "./tail-messages.ts";

export interface PoolOptions {
  readonly engine: EngineChoice;
  /** 0 for one per core, or one for a GPU. */
  readonly workers: number;
  readonly maxQueued: number;
  /** Longest that one job may run before its worker is given up. */
  readonly runLimitMs: number;
  readonly models: readonly ModelFiles[];
  /** Told of workers that are lost and of those that do not come back. */
  readonly onTrouble: (message: string) => void;
  /** Told of each worker that is lost once it was warm. */
  readonly onLost?: () => void;
  /** The module that workers run. */
  readonly entry?: URL;
}

const FIRST_RESTART_DELAY_MS = 500;
const MAX_RESTART_DELAY_MS = 30_000;
/** Of the newest job in the mean time of a job. */
const MEAN_WEIGHT = 0.2;

/**
 * Threads that run tails, first come, first served. A thread that crashes or does not end in time is
 * replaced and the job that it had fails; every job settles.
 */
export class WorkerPool implements Executor {
  /** Resolves when all workers are warm; rejects when one cannot start, or on close. */
  readonly started: Promise<Started>;
  private readonly options: PoolOptions;
  private readonly workers = new Set<PoolWorker>();
  private readonly queue: PendingTail[] = [];
  private engine: EngineChoice;
  private size = 0;
  /** Mean time of a job, all kinds together: what waits is as mixed as what ran. */
  private meanMs = 0;
  private nextId = 0;
  /** Whether workers are being added: at the start, and when some were lost. */
  private filling = true;
  private closed = false;
  private readonly closing = new AbortController();

  constructor(options: PoolOptions) {
    this.options = options;
    this.engine = options.engine;
    this.started = this.start();
  }

  run(job: TailJob): Promise<TailResult> {
    return new Promise((resolve, reject) => {
      if (this.closed) throw closedError();
      if (job.signal.aborted) throw goneError();
      if (this.queue.length >= this.options.maxQueued && this.idle() === undefined) {
        const { maxQueued } = this.options;
        throw new EddiError("unavailable", `expected at most ${maxQueued} waiting requests, got one more`, {
          cause: SHED.queueFull,
        });
      }
      const pending = new PendingTail(job, resolve, reject, (why) => this.drop(pending, why));
      this.queue.push(pending);
      this.pump();
    });
  }

  load(): Load {
    const now = performance.now();
    const busy = [...this.workers].filter((worker) => worker.pending !== null);
    const runningMs = busy.reduce(
      (total, worker) => total + Math.max(0, this.meanMs - (now - worker.sinceMs)),
      0,
    );
    const waits = this.idle() === undefined;
    return {
      queued: this.queue.length,
      running: busy.length,
      expectedQueueMs: waits ? (this.queue.length * this.meanMs + runningMs) / Math.max(1, this.size) : 0,
    };
  }

  /** Tails that run at once; 0 before the first worker is warm. */
  workerCount(): number {
    return this.size;
  }

  /** Waits until nothing is pending, at most so long. */
  async drain(limitMs: number): Promise<void> {
    const endMs = performance.now() + limitMs;
    const pending = () => this.queue.length > 0 || this.load().running > 0;
    while (pending() && performance.now() < endMs) await sleep(20);
  }

  async close(): Promise<void> {
    this.closed = true;
    this.closing.abort();
    for (const pending of this.queue.splice(0)) pending.fail(closedError());
    const workers = [...this.workers];
    this.workers.clear();
    await Promise.all(workers.map((worker) => worker.stop(closedError())));
  }

  /** One after another: TensorFlow's addon fills a table of the process without a lock while it warms up. */
  private async start(): Promise<Started> {
    const first = await this.addWorker();
    this.engine = first.engine.name;
    const automatic = first.engine.device === "gpu" ? 1 : availableParallelism();
    this.size = this.options.workers || automatic;
    while (this.workers.size < this.size) await this.addWorker();
    this.filling = false;
    return first;
  }

  private async addWorker(): Promise<Started> {
    if (this.closed) throw closedError();
    const { entry = new URL("./tail-worker.ts", import.meta.url), models } = this.options;
    const workerData: TailSetup = { entry: entry.href, engine: this.engine, models };
    const worker = new PoolWorker(workerData);
    this.workers.add(worker);
    try {
      const started = await worker.started;
      worker.onFree = () => this.pump();
      worker.onRan = (computeMs) => {
        this.meanMs += (this.meanMs === 0 ? 1 : MEAN_WEIGHT) * (computeMs - this.meanMs);
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
    if (!this.filling) void this.refill();
  }

  private async refill(): Promise<void> {
    this.filling = true;
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
    this.filling = false;
  }

  private idle(): PoolWorker | undefined {
    return [...this.workers].find((worker) => worker.ready && worker.pending === null);
  }

  private pump(): void {
    for (let worker = this.idle(); worker !== undefined && this.queue.length > 0; worker = this.idle()) {
      const pending = this.queue.shift()!;
      if (performance.now() >= pending.job.startBy) pending.fail(lateError());
      else worker.run(this.nextId++, pending, this.options.runLimitMs);
    }
  }

  private drop(pending: PendingTail, why: EddiError): void {
    const at = this.queue.indexOf(pending);
    if (at >= 0) this.queue.splice(at, 1);
    pending.fail(why);
  }
}

function closedError(): EddiError {
  return new EddiError("unavailable", "the service is closing");
}
