import { setTimeout as sleep } from "node:timers/promises";
import { EddiError, toEddiError } from "#shared/errors";
import type { EngineChoice, PrecisionChoice } from "../../engines/index.ts";
import type { ModelFiles } from "../models/registry.ts";
import type { Isolation } from "../options/config.ts";
import {
  type Asker,
  type Executor,
  type Forecast,
  type Load,
  Shed,
  type Tail,
  type TailJob,
  type TailResult,
} from "../tails/executor.ts";
import type { TailTimes } from "../tails/tail-times.ts";
import { Crew } from "./crew.ts";
import { Foresight } from "./foresight.ts";
import { formBatch } from "./form-batch.ts";
import { bytesOf, goneError, lateError, PendingTail, type Ran } from "./pending-tail.ts";
import type { PoolWorker, Started } from "./pool-worker.ts";
import { type Portion, TailQueue } from "./tail-queue.ts";
import { kindOf, TimeTable } from "./time-table.ts";
import { WORKERS } from "./worker-entry.ts";

export interface PoolOptions {
  readonly engine: EngineChoice;
  readonly precision: PrecisionChoice;
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
 * Runs tails in workers: clients take turns by the work that they make (`TailQueue`), and jobs of one kind run as one
 * batch where that pays. A worker that crashes or does not end in time is replaced and the jobs that it had fail; every
 * job settles.
 */
export class WorkerPool implements Executor {
  /** Resolves when all workers are warm; rejects when one cannot start, or on close. */
  readonly started: Promise<Started>;
  private readonly options: PoolOptions;
  private readonly crew: Crew;
  private readonly queue = new TailQueue<PendingTail>();
  private readonly times = new TimeTable();
  private readonly foresight = new Foresight();
  private nextId = 0;
  private holding: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(options: PoolOptions) {
    this.options = options;
    const { engine, precision, workers, isolation, models, maxBatch, onTrouble, onLost = () => {} } = options;
    const { entry = WORKERS.tail } = options;
    this.crew = new Crew({
      ...{ engine, precision, workers, isolation, models, maxBatch, entry, onTrouble, onLost },
      onFree: () => this.pump(),
      onWarm: ({ warmed }) => {
        for (const one of warmed) this.times.warmed(one);
      },
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
      const { waitMs, startMs } = this.waitOf(job, nowMs);
      const runMs = runTime(times, images, waitMs);
      const workMs = times.shareMs(images);
      // While it runs, others have their turns too.
      const doneMs = this.waitOf(job, nowMs, workMs).waitMs + runMs;
      const isKnown = times.isKnown(nowMs);
      this.admit(job, { waitMs, startMs, doneMs: isKnown ? doneMs : waitMs, nowMs });
      const startBy = Math.min(job.startBy, job.finishBy - (isKnown ? runMs : 0));
      // Of how long a worker takes to start, what is expected of tails teaches nothing.
      const expectedMs = startMs > 0 ? 0 : doneMs;
      const admitted = { kind, images, workMs, startBy, expectedMs };
      const pending: PendingTail = new PendingTail(job, admitted, {
        resolve,
        reject,
        giveUp: (why) => this.drop(pending, why),
        settled: () => this.queue.remove(pending, performance.now()),
      });
      this.queue.push(pending, nowMs);
      this.pump();
    });
  }

  workMs(tail: Tail, images: number): number {
    return this.times.of(tail).shareMs(images);
  }

  forecast(tail: Tail & Partial<Asker>, images: number): Forecast {
    const times = this.times.of(tail);
    const nowMs = performance.now();
    const { waitMs, startMs } = this.waitOf(tail, nowMs);
    return {
      waitMs: this.foresight.likely(waitMs) + startMs,
      runMs: runTime(times, images, waitMs),
      isGuess: !times.isKnown(nowMs),
    };
  }

  load(asker: Partial<Asker> = {}): Load {
    const { waitMs, startMs } = this.waitOf(asker, performance.now());
    const expectedQueueMs = this.foresight.likely(waitMs) + startMs;
    return { queued: this.queue.size, running: this.crew.running(), expectedQueueMs };
  }

  /** Runs these models from now on, without a pause. */
  setModels(models: readonly ModelFiles[]): Promise<Started> {
    return this.crew.setModels(models);
  }

  /** Whether jobs of a model wait or run. */
  holds(model: string): boolean {
    for (const { job } of this.queue.jobs) if (job.model === model) return true;
    return this.crew.runs(model);
  }

  /** Tails that run at once; 0 before the first worker is warm. */
  workerCount(): number {
    return this.crew.size;
  }

  /** Workers that can be given work: none while those that were lost are being replaced. */
  liveCount(): number {
    return this.crew.live;
  }

  /** Waits until nothing is pending, at most so long. */
  async drain(limitMs: number): Promise<void> {
    const endMs = performance.now() + limitMs;
    const pending = () => this.queue.size > 0 || this.load().running > 0;
    while (pending() && performance.now() < endMs) await sleep(20);
  }

  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.holding);
    for (const pending of [...this.queue.jobs]) pending.fail(closedError());
    await this.crew.close(closedError);
  }

  /** Refuses at once what would not be done in time, and what would make others wait for too long. */
  private admit(job: TailJob, { waitMs: rawMs, startMs, doneMs, nowMs }: Expected): void {
    const { maxQueueMs, maxQueueBytes } = this.options;
    const waitMs = this.foresight.likely(rawMs) + startMs;
    const isBusy = this.crew.idle().length === 0;
    if (isBusy && waitMs <= maxQueueMs) this.makeRoom(job);
    const bytes = this.queue.bytes + bytesOf(job);
    if (isBusy && (waitMs > maxQueueMs || bytes > maxQueueBytes)) {
      throw fullError(this.options, waitMs, bytes, this.crew.live > 0 ? "queue-full" : "no-worker");
    }
    const leftMs = job.finishBy - nowMs;
    // With nothing to wait for it is tried: whoever is never let in teaches nothing.
    const neededMs = rawMs > 0 ? this.foresight.cautious(doneMs) : doneMs;
    if (neededMs + startMs > leftMs) {
      const needed = `it would take ${Math.ceil(neededMs + startMs)} ms`;
      const message = `expected an answer within ${Math.max(0, Math.floor(leftMs))} ms, ${needed}`;
      throw new EddiError("timeout", message, { cause: new Shed("late", waitMs) });
    }
  }

  /** Whoever fills the memory for tensors that wait is refused, not those who come after. */
  private makeRoom(job: TailJob): void {
    const { maxQueueBytes } = this.options;
    const ownBytes = bytesOf(job);
    while (this.queue.bytes + ownBytes > maxQueueBytes) {
      const other = this.queue.heaviest(job.client, ownBytes);
      if (other === undefined) return;
      const { expectedQueueMs } = this.load(other.job);
      other.fail(fullError(this.options, expectedQueueMs, this.queue.bytes + ownBytes, "queue-full"));
    }
  }

  /**
   * How long somebody would wait, as far as tails that run and wait say, and beyond that for a worker that starts.
   *
   * @param asker nobody comes after everybody
   * @param moreMs of his own work that comes before
   */
  private waitOf(
    asker: Partial<Asker & Tail>,
    nowMs: number,
    moreMs = 0,
  ): { waitMs: number; startMs: number } {
    if (this.crew.idle().length > 0) return { waitMs: 0, startMs: 0 };
    const { client, model, line } = asker;
    const who = client === undefined ? [] : model === undefined ? [client] : [client, model, line];
    const aheadMs = who.length === 0 ? this.queue.workMs : this.queue.aheadMs(who, moreMs);
    const doneMs = this.crew.doneInMs(aheadMs + this.crew.leftMs(nowMs), nowMs);
    const startMs = this.crew.live > 0 ? 0 : this.crew.doneInMs(0, nowMs);
    return { waitMs: doneMs - startMs, startMs };
  }

  private pump(): void {
    clearTimeout(this.holding);
    for (let idle = this.crew.idle(); idle.length > 0; idle = this.crew.idle()) {
      const first = this.queue.first();
      if (first === undefined) return;
      const nowMs = performance.now();
      if (nowMs >= first.job.startBy && !first.hasBegun) {
        this.drop(first, "late");
        continue;
      }
      const times = this.times.of(first.job);
      const { maxBatch: maxImages, runLimitMs } = this.options;
      const bounds = { maxImages, maxMs: BATCH_SHARE * runLimitMs };
      const offered = this.queue.offer({ times, nowMs, ...bounds });
      const circumstances = { times, nowMs, idleWorkers: idle.length, waiting: this.queue.size, ...bounds };
      const { jobs: portions, holdUntil } = formBatch(offered, circumstances);
      // Beside another idle worker, that one is there for who comes back.
      const keptUntilMs = idle.length === 1 ? this.queue.keptUntilMs() : nowMs;
      const untilMs = Math.max(holdUntil, keptUntilMs);
      if (untilMs > nowMs) {
        this.holding = setTimeout(() => this.pump(), untilMs - nowMs);
        return;
      }
      this.start(idle[0]!, portions, times, nowMs);
    }
  }

  private start(
    worker: PoolWorker,
    portions: readonly Portion<PendingTail>[],
    times: TailTimes,
    nowMs: number,
  ): void {
    try {
      const items = portions.map((portion) => portion.job.take(portion));
      const expectedMs = times.expectMs(portions.reduce((sum, { images }) => sum + images, 0));
      const run = this.queue.begin(portions, expectedMs, nowMs);
      const ended = (ran: Ran | null): void => {
        run.end(ran?.computeMs ?? expectedMs, performance.now());
        if (ran !== null && ran.images > 0) this.learn(portions, ran);
      };
      worker.run({ id: this.nextId++, portions, items, expectedMs, ended }, this.options.runLimitMs);
    } catch (thrown) {
      for (const { job } of portions) job.fail(toEddiError(thrown));
    }
  }

  private learn(portions: readonly Portion<PendingTail>[], { computeMs, images, isStandIn }: Ran): void {
    const nowMs = performance.now();
    const { job } = portions[0]!.job;
    this.times.of(job).learn(images, computeMs, nowMs, isStandIn);
    this.options.onBatch?.(job.model, images, computeMs);
    for (const { job: done } of portions) {
      if (done.isSettled) this.foresight.learn(done.expectedMs, nowMs - done.arrivedMs);
    }
  }

  private drop(pending: PendingTail, why: "gone" | "late"): void {
    const { expectedMs, arrivedMs, job } = pending;
    const waitedMs = performance.now() - arrivedMs;
    if (why === "gone") {
      pending.fail(goneError(pending.hasBegun ? null : waitedMs));
      return;
    }
    // It would have taken longer still.
    this.foresight.learn(expectedMs, Math.max(expectedMs, waitedMs));
    pending.fail(lateError(Math.max(waitedMs, this.load(job).expectedQueueMs)));
  }
}

/** What is expected of a job when it comes, milliseconds. */
interface Expected {
  /** Until it starts, uncorrected, but for the start of a worker. */
  readonly waitMs: number;
  readonly startMs: number;
  /** Until it is done, as far as that is known; uncorrected, but for the start of a worker. */
  readonly doneMs: number;
  readonly nowMs: number;
}

/** Who must wait runs with others, who need not runs alone. */
function runTime(times: TailTimes, images: number, waitMs: number): number {
  return waitMs > 0 ? times.usualMs(images) : times.expectMs(images);
}

function fullError(
  { maxQueueMs, maxQueueBytes }: PoolOptions,
  waitMs: number,
  bytes: number,
  reason: "queue-full" | "no-worker",
): EddiError {
  const came = `got ${Math.round(waitMs)} ms and ${bytes} bytes`;
  const message = `expected at most ${maxQueueMs} ms and ${maxQueueBytes} bytes to wait, ${came}`;
  return new EddiError("unavailable", message, { cause: new Shed(reason, waitMs) });
}

function closedError(): EddiError {
  return new EddiError("unavailable", "the service is closing", { cause: new Shed("closing", 0) });
}
