import { availableParallelism } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { EddiError, toEddiError } from "#shared/errors";
import type { EngineChoice } from "./config.ts";
import type { Executor, Load, TailJob, TailResult } from "./executor.ts";
import type { ModelFiles } from "./registry.ts";
import type { TailReply, TailRequest, TailSetup } from "./tail-messages.ts";

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
  /** The module that workers run. */
  readonly entry?: URL;
}

/** What the first worker found. */
export type Started = Extract<TailReply, { kind: "started" }>;

/** A worker opens its models within this time, a GPU that has to compile its kernels included. */
const START_LIMIT_MS = 300_000;
const MAX_RESTART_DELAY_MS = 30_000;
/** Weight of the newest job in the mean time of a job. */
const MEAN_WEIGHT = 0.2;

/**
 * Threads that run tails, first come, first served. A thread that crashes or does not end in time is
 * replaced and the job that it had fails; every job settles.
 */
export class WorkerPool implements Executor {
  /** Resolves when all workers are warm; rejects when one cannot start, or on close. */
  readonly started: Promise<Started>;
  private readonly options: PoolOptions;
  private readonly members = new Set<Member>();
  private readonly queue: Pending[] = [];
  private engine: EngineChoice;
  private size = 0;
  private meanMs = 0;
  private nextId = 0;
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
        throw new EddiError("unavailable", `expected at most ${maxQueued} waiting requests, got one more`);
      }
      const pending = new Pending(job, resolve, reject, (why) => this.drop(pending, why));
      this.queue.push(pending);
      this.pump();
    });
  }

  load(): Load {
    const now = performance.now();
    const busy = [...this.members].filter((member) => member.pending !== null);
    const runningMs = busy.reduce(
      (total, member) => total + Math.max(0, this.meanMs - (now - member.sinceMs)),
      0,
    );
    const waits = this.idle() === undefined;
    return {
      queued: this.queue.length,
      running: busy.length,
      expectedQueueMs: waits ? (this.queue.length * this.meanMs + runningMs) / Math.max(1, this.size) : 0,
    };
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
    const members = [...this.members];
    this.members.clear();
    await Promise.all(members.map((member) => member.stop(closedError())));
  }

  /** One after another: TensorFlow's addon fills a table of the process without a lock while it warms up. */
  private async start(): Promise<Started> {
    const first = await this.addMember();
    this.engine = first.engine.name;
    const automatic = first.engine.device === "gpu" ? 1 : availableParallelism();
    this.size = this.options.workers || automatic;
    while (this.members.size < this.size) await this.addMember();
    return first;
  }

  private async addMember(): Promise<Started> {
    if (this.closed) throw closedError();
    const { entry = new URL("./tail-worker.ts", import.meta.url), models } = this.options;
    const workerData: TailSetup = { entry: entry.href, engine: this.engine, models };
    const member = new Member(workerData);
    this.members.add(member);
    try {
      const started = await member.started;
      member.onFree = () => this.pump();
      member.onRan = (computeMs) => {
        this.meanMs += (this.meanMs === 0 ? 1 : MEAN_WEIGHT) * (computeMs - this.meanMs);
      };
      member.onLost = (why) => this.lose(member, why);
      this.pump();
      return started;
    } catch (thrown) {
      this.members.delete(member);
      await member.stop(toEddiError(thrown));
      throw thrown;
    }
  }

  private lose(member: Member, why: string): void {
    if (!this.members.delete(member) || this.closed) return;
    this.options.onTrouble(`a worker was lost and is replaced: ${why}`);
    this.replace().catch((thrown) => this.options.onTrouble(toEddiError(thrown).message));
  }

  private async replace(): Promise<void> {
    for (let delayMs = 500; !this.closed; delayMs = Math.min(2 * delayMs, MAX_RESTART_DELAY_MS)) {
      try {
        await this.addMember();
        return;
      } catch (thrown) {
        if (this.closed) return;
        this.options.onTrouble(`a worker could not be replaced: ${toEddiError(thrown).message}`);
        await sleep(delayMs, undefined, { signal: this.closing.signal, ref: false }).catch(() => {});
      }
    }
  }

  private idle(): Member | undefined {
    return [...this.members].find((member) => member.ready && member.pending === null);
  }

  private pump(): void {
    for (let member = this.idle(); member !== undefined && this.queue.length > 0; member = this.idle()) {
      const pending = this.queue.shift()!;
      if (performance.now() >= pending.job.startBy) pending.fail(lateError());
      else member.run(this.nextId++, pending, this.options.runLimitMs);
    }
  }

  private drop(pending: Pending, why: EddiError): void {
    const at = this.queue.indexOf(pending);
    if (at >= 0) this.queue.splice(at, 1);
    pending.fail(why);
  }
}

/** A job that waits or runs, until it settles. */
class Pending {
  readonly job: TailJob;
  private readonly arrivedMs = performance.now();
  private readonly resolve: (result: TailResult) => void;
  private readonly reject: (error: EddiError) => void;
  private readonly late: NodeJS.Timeout | undefined;
  private readonly onAbort: () => void;

  constructor(
    job: TailJob,
    resolve: (result: TailResult) => void,
    reject: (error: EddiError) => void,
    giveUp: (why: EddiError) => void,
  ) {
    this.job = job;
    this.resolve = resolve;
    this.reject = reject;
    this.onAbort = () => giveUp(goneError());
    job.signal.addEventListener("abort", this.onAbort, { once: true });
    const leftMs = job.startBy - this.arrivedMs;
    this.late = setTimeout(() => giveUp(lateError()), Math.min(leftMs, 2 ** 31 - 1));
  }

  /** The job starts: from now on it is too late to be late. */
  take(): TailJob {
    clearTimeout(this.late);
    return this.job;
  }

  succeed(outputs: TailResult["outputs"], computeMs: number): void {
    this.settle();
    this.resolve({ outputs, computeMs, queueMs: performance.now() - this.arrivedMs - computeMs });
  }

  fail(error: EddiError): void {
    this.settle();
    this.reject(error);
  }

  private settle(): void {
    clearTimeout(this.late);
    this.job.signal.removeEventListener("abort", this.onAbort);
  }
}

/** One thread of the pool. */
class Member {
  readonly started: Promise<Started>;
  ready = false;
  pending: Pending | null = null;
  /** When it took the job that it has. */
  sinceMs = 0;
  onFree: () => void = () => {};
  onRan: (computeMs: number) => void = () => {};
  onLost: (why: string) => void = () => {};
  private readonly worker: Worker;
  private id = -1;
  private limit: NodeJS.Timeout | undefined;
  private failStart: (error: EddiError) => void = () => {};

  constructor(setup: TailSetup) {
    this.worker = new Worker(new URL("./worker-bootstrap.mjs", import.meta.url), { workerData: setup });
    this.started = new Promise((resolve, reject) => {
      this.failStart = reject;
      const message = `a worker: expected it to start within ${START_LIMIT_MS} ms`;
      this.limit = setTimeout(() => this.lose(new EddiError("timeout", message)), START_LIMIT_MS);
      this.worker.on("message", (reply: TailReply) => {
        if (reply.kind !== "started") return this.settle(reply);
        clearTimeout(this.limit);
        this.ready = true;
        resolve(reply);
      });
    });
    const stopped = (why: string) => this.lose(new EddiError("unavailable", `the worker stopped: ${why}`));
    this.worker.on("error", (error) => stopped(error.message));
    this.worker.on("messageerror", (error) => stopped(error.message));
    this.worker.on("exit", (code) => stopped(`exit code ${code}`));
  }

  run(id: number, pending: Pending, limitMs: number): void {
    const { modelId, segment, tensors, parameters } = pending.take();
    const request: TailRequest = { kind: "run", id, modelId, segment, tensors, parameters };
    this.id = id;
    this.pending = pending;
    this.sinceMs = performance.now();
    const message = `expected the tail to end within ${limitMs} ms, it did not`;
    this.limit = setTimeout(() => this.lose(new EddiError("timeout", message)), limitMs);
    const buffers = new Set(tensors.map((tensor) => tensor.data.buffer as ArrayBuffer));
    this.worker.postMessage(request, [...buffers]);
  }

  /** Ends the thread; the job that it has fails. */
  async stop(why: EddiError): Promise<void> {
    this.lose(why);
    await this.worker.terminate();
  }

  private settle(reply: Exclude<TailReply, Started>): void {
    const { pending } = this;
    if (pending === null || reply.id !== this.id) return;
    clearTimeout(this.limit);
    this.pending = null;
    if (reply.kind === "ran") {
      this.onRan(reply.computeMs);
      pending.succeed(reply.outputs, reply.computeMs);
    } else pending.fail(new EddiError(reply.code, reply.message));
    this.onFree();
  }

  private lose(why: EddiError): void {
    clearTimeout(this.limit);
    const { pending } = this;
    this.ready = false;
    this.pending = null;
    pending?.fail(why);
    this.failStart(why);
    this.onLost(why.message);
    this.worker.terminate().catch(() => {});
  }
}

function closedError(): EddiError {
  return new EddiError("unavailable", "the service is closing");
}

function goneError(): EddiError {
  return new EddiError("cancelled", "the client has gone");
}

function lateError(): EddiError {
  return new EddiError("timeout", "expected the tail to start within the request's time, it had to wait");
}
