import { EddiError } from "#shared/errors";
import type { Segment } from "#shared/model";
import type { WireTensor } from "#shared/protocol";
import type { Isolation } from "../options/config.ts";
import { badScores } from "../tails/bad-scores.ts";
import { Shed } from "../tails/executor.ts";
import { SegmentNames } from "../tails/segment-names.ts";
import type {
  BatchItem,
  ItemResult,
  TailReply,
  TailRequest,
  TailSetup,
} from "../worker-messages/tail-messages.ts";
import type { PendingTail, Ran } from "./pending-tail.ts";
import type { Portion } from "./tail-queue.ts";
import { startHost, type WorkerHost } from "./worker-host.ts";

/** What a worker says when it is warm. */
export type Started = Extract<TailReply, { kind: "started" }>;

/** A worker opens its models within this time, a GPU that has to compile its kernels included. */
const START_LIMIT_MS = 300_000;

/** Parts of jobs of one kind that run together. */
export interface Batch {
  readonly id: number;
  readonly portions: readonly Portion<PendingTail>[];
  /** In the order of the portions. */
  readonly items: readonly BatchItem[];
  readonly expectedMs: number;
  /** Told once, when all jobs know what became of it. @param ran null where the worker was lost */
  readonly ended: (ran: Ran | null) => void;
}

/** One thread or process of the pool. */
export class PoolWorker {
  readonly started: Promise<Started>;
  onFree: () => void = () => {};
  onLost: (why: string) => void = () => {};
  onTrouble: (message: string) => void = () => {};
  private readonly host: WorkerHost;
  private readonly names = new SegmentNames();
  private ready = false;
  private retiring = false;
  private running: (Batch & { readonly sinceMs: number }) | null = null;
  private limit: NodeJS.Timeout | undefined;
  private failStart: (error: EddiError) => void = () => {};

  constructor(setup: TailSetup, isolation: Isolation) {
    let begin: (started: Started) => void = () => {};
    this.host = startHost(setup, isolation, {
      onReply: (reply) => {
        if (reply.kind === "started") begin(reply);
        else if (reply.kind === "trouble") this.onTrouble(reply.message);
        else this.settle(reply);
      },
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
    return this.isLive && this.running === null;
  }

  /** Whether it can be given work, now or when it has ended what it has. */
  get isLive(): boolean {
    return this.ready && !this.retiring;
  }

  get isBusy(): boolean {
    return this.running !== null;
  }

  /** Whether it runs jobs of a model. */
  runs(model: string): boolean {
    return this.running !== null && this.running.portions[0]!.job.job.model === model;
  }

  /** What is left of the batch that runs, as far as can be expected: one that is late has as long to go again. */
  leftMs(nowMs: number): number {
    if (this.running === null) return 0;
    return Math.abs(this.running.expectedMs - (nowMs - this.running.sinceMs));
  }

  run(batch: Batch, limitMs: number): void {
    const { id, portions, items } = batch;
    const { kind, job } = portions[0]!.job;
    const told = this.names.tell(kind, job.segment);
    const request: TailRequest = {
      kind: "run",
      id,
      model: job.model,
      segmentName: kind,
      segment: told,
      items,
    };
    this.running = { ...batch, sinceMs: performance.now() };
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

  private settle(reply: Extract<TailReply, { kind: "ran" }>): void {
    const { running } = this;
    if (running === null || reply.id !== running.id) return;
    clearTimeout(this.limit);
    this.running = null;
    const { portions, ended } = running;
    const computed = portions.filter((_, at) => "outputs" in reply.results[at]!);
    const images = computed.reduce((sum, portion) => sum + portion.images, 0);
    const { computeMs, isStandIn } = reply;
    const ran = { computeMs, isStandIn, images };
    for (const [at, portion] of portions.entries()) {
      const result = reply.results[at]!;
      const failure = failureOf(result, portion.job.job.segment);
      if (failure !== null) portion.job.fail(failure);
      else if ("outputs" in result) portion.job.answer(portion, result.outputs, ran);
    }
    ended(ran);
    this.onFree();
  }

  /**
   * @param reason  for the log
   * @param failure of the jobs that it has, for their clients: tells nothing of our insides
   */
  private lose(reason: string, failure = stoppedError()): void {
    clearTimeout(this.limit);
    const { running } = this;
    this.ready = false;
    this.running = null;
    for (const { job } of running?.portions ?? []) job.fail(failure);
    running?.ended(null);
    this.failStart(new EddiError("unavailable", `a worker: expected it to start: ${reason}`));
    this.onLost(reason);
    this.host.end().catch(() => {});
  }
}

/** What is no answer, whatever the worker says: nobody can tell scores that are no numbers from those of a class. */
function failureOf(result: ItemResult, { outputs: names }: Segment): EddiError | null {
  if ("code" in result) {
    const cause = result.code === "unavailable" ? new Shed("model", 0) : undefined;
    return new EddiError(result.code, result.message, { cause });
  }
  for (const [at, { values }] of result.outputs.entries()) {
    const bad = values.find((value) => !Number.isFinite(value));
    if (bad !== undefined) return badScores(names[at]!, bad);
  }
  return null;
}

/** To copy a small one is faster than to hand it over. */
const LARGE_BYTES = 64 << 10;

function largeBuffers(tensors: readonly WireTensor[]): ArrayBuffer[] {
  const buffers = new Set(tensors.map(({ data }) => data.buffer as ArrayBuffer));
  return [...buffers].filter(({ byteLength }) => byteLength >= LARGE_BYTES);
}

function stoppedError(): EddiError {
  const message = "expected the tail to run, its worker stopped: try again";
  return new EddiError("unavailable", message, { cause: new Shed("worker-lost", 0) });
}
