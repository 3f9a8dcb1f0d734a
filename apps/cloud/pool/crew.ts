import { availableParallelism } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { type EddiError, toEddiError } from "#shared/errors";
import type { EngineChoice, PrecisionChoice } from "../../engines/index.ts";
import type { ModelFiles } from "../models/registry.ts";
import type { Isolation } from "../options/config.ts";
import type { TailSetup } from "../worker-messages/tail-messages.ts";
import { PoolWorker, type Started } from "./pool-worker.ts";

export interface CrewOptions {
  readonly engine: EngineChoice;
  readonly precision: PrecisionChoice;
  /** 0 for one per core, or one for a GPU. */
  readonly workers: number;
  readonly isolation: Isolation;
  readonly models: readonly ModelFiles[];
  readonly maxBatch: number;
  /** The module that workers run. */
  readonly entry: URL;
  /** Told of each worker that is warm, and of each one that has ended a batch. */
  readonly onFree: () => void;
  /** Told of what a new worker has timed. */
  readonly onWarm: (started: Started) => void;
  /** Told of each worker that is lost once it was warm. */
  readonly onLost: () => void;
  /** Told of workers that are lost and of those that do not come back. */
  readonly onTrouble: (message: string) => void;
}

const FIRST_RESTART_DELAY_MS = 500;
const MAX_RESTART_DELAY_MS = 30_000;
/** Beyond, a log would say nothing new. */
const MAX_TOLD = 1_000;

/** The pool's workers. One that crashes or does not end in time is replaced, and so are all when models change. */
export class Crew {
  /** Resolves when all workers are warm; rejects when one cannot start, or on close. */
  readonly started: Promise<Started>;
  private readonly options: CrewOptions;
  private readonly workers = new Set<PoolWorker>();
  /** Replaced, and ending what they have. */
  private readonly retiring = new Set<PoolWorker>();
  private models: readonly ModelFiles[];
  private engine: EngineChoice;
  private wanted = 0;
  /** What the latest start of a worker took, and since when another one starts, or is going to. */
  private startMs = 0;
  private startsAtMs = 0;
  /** Workers are added and replaced one after another: the last of these doings. */
  private doings: Promise<unknown>;
  private closed = false;
  private readonly closing = new AbortController();
  /** What some worker has told: the others would tell the same. */
  private readonly told = new Set<string>();

  constructor(options: CrewOptions) {
    this.options = options;
    this.models = options.models;
    this.engine = options.engine;
    this.started = this.start();
    this.doings = this.started.catch(() => {});
  }

  /** Tails that run at once; 0 before the first worker is warm. */
  get size(): number {
    return this.wanted;
  }

  /** Workers that can be given work: none, while those that were lost are being replaced. */
  get live(): number {
    return [...this.workers].filter(({ isLive }) => isLive).length;
  }

  /** Workers that have nothing to do. */
  idle(): PoolWorker[] {
    return [...this.workers].filter(({ isIdle }) => isIdle);
  }

  /** Batches that run. */
  running(): number {
    return this.all().filter(({ isBusy }) => isBusy).length;
  }

  /** What is left of the batches that run, all together. */
  leftMs(nowMs: number): number {
    let leftMs = 0;
    for (const worker of this.workers) leftMs += worker.leftMs(nowMs);
    return leftMs;
  }

  /** When so much work would be done by those that live and, once they are warm, those that are on their way. */
  doneInMs(workMs: number, nowMs: number): number {
    let { live } = this;
    let leftMs = workMs;
    let atMs = 0;
    for (let missing = this.wanted - live; missing > 0; missing--) {
      const comesMs = atMs === 0 ? this.comesInMs(nowMs) : atMs + this.startMs;
      const doneMs = live * (comesMs - atMs);
      if (live > 0 && doneMs >= leftMs) break;
      leftMs -= doneMs;
      atMs = comesMs;
      live++;
    }
    return atMs + leftMs / Math.max(1, live);
  }

  /** Whether jobs of a model run. */
  runs(model: string): boolean {
    return this.all().some((worker) => worker.runs(model));
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
        started = await this.add();
        this.workers.delete(old);
        this.retiring.add(old);
        void old.retire().then(() => this.retiring.delete(old));
      }
      return started;
    });
  }

  /** Ends all workers; the jobs that they have fail. */
  async close(why: () => EddiError): Promise<void> {
    this.closed = true;
    this.closing.abort(why());
    const workers = this.all();
    this.workers.clear();
    await Promise.all(workers.map((worker) => worker.stop(why())));
  }

  private all(): PoolWorker[] {
    return [...this.workers, ...this.retiring];
  }

  /** One after another: TensorFlow's addon fills a table of the process without a lock while it warms up. */
  private async start(): Promise<Started> {
    const first = await this.add();
    this.engine = first.engine.name;
    const automatic = first.engine.device === "gpu" ? 1 : availableParallelism();
    this.wanted = this.options.workers || automatic;
    while (this.workers.size < this.wanted) await this.add();
    return first;
  }

  private async add(): Promise<Started> {
    this.closing.signal.throwIfAborted();
    const { entry, isolation, maxBatch, precision, onWarm, onFree } = this.options;
    const { engine, models } = this;
    const setup: TailSetup = { entry: entry.href, engine, precision, models, maxBatch };
    this.startsAtMs = performance.now();
    const worker = new PoolWorker(setup, isolation);
    worker.onTrouble = (message) => this.tellOnce(message);
    this.workers.add(worker);
    try {
      const started = await worker.started;
      this.startMs = performance.now() - this.startsAtMs;
      onWarm(started);
      worker.onFree = onFree;
      worker.onLost = (why) => this.lose(worker, why);
      onFree();
      return started;
    } catch (thrown) {
      this.workers.delete(worker);
      await worker.stop(toEddiError(thrown));
      throw thrown;
    }
  }

  private tellOnce(message: string): void {
    if (this.told.size >= MAX_TOLD || this.told.has(message)) return;
    this.told.add(message);
    this.options.onTrouble(message);
  }

  private lose(worker: PoolWorker, why: string): void {
    if (!this.workers.delete(worker) || this.closed) return;
    if (this.workers.size + 1 === this.wanted) this.startsAtMs = performance.now();
    this.options.onLost();
    this.options.onTrouble(`a worker was lost and is replaced: ${why}`);
    void this.inTurn(() => this.refill());
  }

  private async refill(): Promise<void> {
    let delayMs = FIRST_RESTART_DELAY_MS;
    while (!this.closed && this.workers.size < this.wanted) {
      try {
        await this.add();
      } catch (thrown) {
        if (this.closed) return;
        this.options.onTrouble(`a worker could not be replaced: ${toEddiError(thrown).message}`);
        this.startsAtMs = performance.now() + delayMs;
        await sleep(delayMs, undefined, { signal: this.closing.signal, ref: false }).catch(() => {});
        delayMs = Math.min(2 * delayMs, MAX_RESTART_DELAY_MS);
      }
    }
  }

  /** Until the next worker is warm; of one that is late, as long again. */
  private comesInMs(nowMs: number): number {
    return Math.abs(this.startsAtMs + this.startMs - nowMs);
  }

  private inTurn<T>(doing: () => Promise<T>): Promise<T> {
    const done = this.doings.then(doing);
    this.doings = done.catch(() => {});
    return done;
  }
}
