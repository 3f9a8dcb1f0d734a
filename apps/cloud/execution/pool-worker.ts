import { EddiError } from "#shared/errors";
import type { WireTensor } from "#shared/protocol";
import type { Isolation } from "../config.ts";
import type { PendingTail } from "./pending-tail.ts";
import { SegmentNames } from "./segment-names.ts";
import type { TailReply, TailRequest, TailSetup } from "./tail-messages.ts";
import { startHost, type WorkerHost } from "./worker-host.ts";

/** What a worker says when it is warm. */
export type Started = Extract<TailReply, { kind: "started" }>;

/** A worker opens its models within this time, a GPU that has to compile its kernels included. */
const START_LIMIT_MS = 300_000;

/** A batch that runs. */
interface Running {
  readonly id: number;
  readonly jobs: readonly PendingTail[];
  readonly expectedMs: number;
  readonly sinceMs: number;
}

/** One thread or process of the pool. */
export class PoolWorker {
  readonly started: Promise<Started>;
  onFree: () => void = () => {};
  onRan: (jobs: readonly PendingTail[], computeMs: number) => void = () => {};
  onLost: (why: string) => void = () => {};
  private readonly host: WorkerHost;
  private readonly names = new SegmentNames();
  private ready = false;
  private retiring = false;
  private running: Running | null = null;
  private limit: NodeJS.Timeout | undefined;
  private failStart: (error: EddiError) => void = () => {};

  constructor(setup: TailSetup, isolation: Isolation) {
    let begin: (started: Started) => void = () => {};
    this.host = startHost(setup, isolation, {
      onReply: (reply) => (reply.kind === "started" ? begin(reply) : this.settle(reply)),
      onLost: (why) => this.lose(why),
    });
    this.started = new Promise((resolve, reject) => {
      this.failStart = reject;
      const message = `it took longer than ${START_LIMIT_MS} ms`;
      this.limit = setTimeout(() => this.lose(message), START_LIMIT_MS);
      begin = (started) => {
        clearTimeout(this.limit);
        this.ready = true;
        resolve(started);
      };
    });
  }

  get isIdle(): boolean {
    return this.ready && !this.retiring && this.running === null;
  }

  get isBusy(): boolean {
    return this.running !== null;
  }

  /** Whether it runs jobs of a model. */
  runs(model: string): boolean {
    return this.running !== null && this.running.jobs[0]!.job.model === model;
  }

  /** What is left of the batch that runs, as far as can be expected: one that is late has as long to go again. */
  leftMs(nowMs: number): number {
    if (this.running === null) return 0;
    return Math.abs(this.running.expectedMs - (nowMs - this.running.sinceMs));
  }

  /** @param jobs of one kind */
  run(id: number, jobs: readonly PendingTail[], expectedMs: number, limitMs: number): void {
    const taken = jobs.map((pending) => pending.take());
    const { model, segment } = taken[0]!;
    const items = taken.map(({ tensors, parameters }) => ({ tensors, parameters }));
    const segmentName = jobs[0]!.kind;
    const told = this.names.tell(segmentName, segment);
    const request: TailRequest = { kind: "run", id, model, segmentName, segment: told, items };
    this.running = { id, jobs, expectedMs, sinceMs: performance.now() };
    this.limit = setTimeout(() => this.lose(`a tail took longer than ${limitMs} ms`), limitMs);
    this.host.post(request, largeBuffers(items.flatMap((item) => item.tensors)));
  }

  /** Takes nothing more, and ends once what runs has ended. */
  retire(): Promise<void> {
    this.retiring = true;
    return new Promise((resolve) => {
      const end = () => resolve(this.stop(stoppedError()));
      if (this.running === null) end();
      else this.onFree = end;
    });
  }

  /** Ends it; the jobs that it has fail. */
  async stop(why: EddiError): Promise<void> {
    this.lose(why.message, why);
    await this.host.end();
  }

  private settle(reply: Exclude<TailReply, Started>): void {
    const { running } = this;
    if (running === null || reply.id !== running.id) return;
    clearTimeout(this.limit);
    this.running = null;
    const images = running.jobs.reduce((sum, job) => sum + job.images, 0);
    this.onRan(running.jobs, reply.computeMs);
    for (const [at, pending] of running.jobs.entries()) {
      const result = reply.results[at]!;
      if ("code" in result) pending.fail(new EddiError(result.code, result.message));
      else pending.succeed(result.outputs, reply.computeMs, images);
    }
    this.onFree();
  }

  /**
   * @param reason  for the log
   * @param failure of the jobs that it has, for their clients: tells nothing of our insides
   */
  private lose(reason: string, failure = stoppedError()): void {
    clearTimeout(this.limit);
    const jobs = this.running?.jobs ?? [];
    this.ready = false;
    this.running = null;
    for (const pending of jobs) pending.fail(failure);
    this.failStart(new EddiError("unavailable", `a worker: expected it to start: ${reason}`));
    this.onLost(reason);
    this.host.end().catch(() => {});
  }
}

/** To copy a small one is faster than to hand it over. */
const LARGE_BYTES = 64 << 10;

function largeBuffers(tensors: readonly WireTensor[]): ArrayBuffer[] {
  const buffers = new Set(tensors.map(({ data }) => data.buffer as ArrayBuffer));
  return [...buffers].filter(({ byteLength }) => byteLength >= LARGE_BYTES);
}

function stoppedError(): EddiError {
  return new EddiError("unavailable", "expected the tail to run, its worker stopped: try again");
}
