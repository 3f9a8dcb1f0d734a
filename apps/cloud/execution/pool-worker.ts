import { Worker } from "node:worker_threads";
import { EddiError } from "#shared/errors";
import type { PendingTail } from "./pending-tail.ts";
import type { TailReply, TailRequest, TailSetup } from "./tail-messages.ts";

/** What a worker says when it is warm. */
export type Started = Extract<TailReply, { kind: "started" }>;

/** A worker opens its models within this time, a GPU that has to compile its kernels included. */
const START_LIMIT_MS = 300_000;

/** One thread of the pool. */
export class PoolWorker {
  readonly started: Promise<Started>;
  ready = false;
  pending: PendingTail | null = null;
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
      const message = `it took longer than ${START_LIMIT_MS} ms`;
      this.limit = setTimeout(() => this.lose(message, stoppedError()), START_LIMIT_MS);
      this.worker.on("message", (reply: TailReply) => {
        if (reply.kind !== "started") return this.settle(reply);
        clearTimeout(this.limit);
        this.ready = true;
        resolve(reply);
      });
    });
    this.worker.on("error", (error) => this.lose(error.message, stoppedError()));
    this.worker.on("messageerror", (error) => this.lose(error.message, stoppedError()));
    this.worker.on("exit", (code) => this.lose(`exit code ${code}`, stoppedError()));
  }

  run(id: number, pending: PendingTail, limitMs: number): void {
    const { modelId, segment, tensors, parameters } = pending.take();
    const request: TailRequest = { kind: "run", id, modelId, segment, tensors, parameters };
    this.id = id;
    this.pending = pending;
    this.sinceMs = performance.now();
    const message = `expected the tail to end within ${limitMs} ms, it did not`;
    this.limit = setTimeout(() => this.lose(message, new EddiError("timeout", message)), limitMs);
    const buffers = new Set(tensors.map((tensor) => tensor.data.buffer as ArrayBuffer));
    this.worker.postMessage(request, [...buffers]);
  }

  /** Ends the thread; the job that it has fails. */
  async stop(why: EddiError): Promise<void> {
    this.lose(why.message, why);
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

  /**
   * @param reason  for the log
   * @param failure of the job that it has, for the client: tells nothing of our insides
   */
  private lose(reason: string, failure: EddiError): void {
    clearTimeout(this.limit);
    const { pending } = this;
    this.ready = false;
    this.pending = null;
    pending?.fail(failure);
    this.failStart(new EddiError("unavailable", `a worker: expected it to start: ${reason}`));
    this.onLost(reason);
    this.worker.terminate().catch(() => {});
  }
}

function stoppedError(): EddiError {
  return new EddiError("unavailable", "expected the tail to run, its worker stopped: try again");
}
