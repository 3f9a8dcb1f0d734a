import { EddiError } from "#shared/errors";
import type { TailJob, TailResult } from "./executor.ts";

/** A job that waits or runs, until it settles. */
export class PendingTail {
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

export function goneError(): EddiError {
  return new EddiError("cancelled", "the client has gone");
}

export function lateError(): EddiError {
  return new EddiError("timeout", "expected the tail to start within the request's time, it had to wait");
}
