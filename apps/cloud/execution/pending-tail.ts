import { EddiError } from "#shared/errors";
import { Shed, type TailJob, type TailResult } from "./executor.ts";
import type { Waiting } from "./form-batch.ts";

/** What the pool knows of a job when it comes. */
export interface Admitted {
  readonly kind: string;
  readonly images: number;
  /** What it adds to the work that waits. */
  readonly workMs: number;
  /** From when it came until it is done, as far as could be said then. */
  readonly expectedMs: number;
  /** Latest start, on the clock of `performance.now()`: later it is given up. */
  readonly startBy: number;
}

/** A job that waits or runs, until it settles. */
export class PendingTail implements Waiting {
  readonly job: TailJob;
  readonly kind: string;
  readonly images: number;
  readonly workMs: number;
  readonly bytes: number;
  readonly expectedMs: number;
  readonly arrivedMs = performance.now();
  private readonly resolve: (result: TailResult) => void;
  private readonly reject: (error: EddiError) => void;
  private readonly late: NodeJS.Timeout | undefined;
  private readonly onAbort: () => void;

  constructor(
    job: TailJob,
    { kind, images, workMs, expectedMs, startBy }: Admitted,
    resolve: (result: TailResult) => void,
    reject: (error: EddiError) => void,
    giveUp: (why: "gone" | "late") => void,
  ) {
    this.job = job;
    this.kind = kind;
    this.images = images;
    this.workMs = workMs;
    this.expectedMs = expectedMs;
    this.bytes = bytesOf(job);
    this.resolve = resolve;
    this.reject = reject;
    this.onAbort = () => giveUp("gone");
    job.signal.addEventListener("abort", this.onAbort, { once: true });
    const leftMs = startBy - this.arrivedMs;
    this.late = setTimeout(() => giveUp("late"), Math.min(leftMs, 2 ** 31 - 1));
  }

  get finishBy(): number {
    return this.job.finishBy;
  }

  /** The job starts: from now on it is too late to be late. */
  take(): TailJob {
    clearTimeout(this.late);
    return this.job;
  }

  succeed(outputs: TailResult["outputs"], computeMs: number, batchImages: number): void {
    this.settle();
    const queueMs = performance.now() - this.arrivedMs - computeMs;
    this.resolve({ outputs, computeMs, queueMs, batchImages });
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

export function bytesOf({ tensors }: TailJob): number {
  return tensors.reduce((sum, { data }) => sum + data.byteLength, 0);
}

export function goneError(): EddiError {
  return new EddiError("cancelled", "the client has gone");
}

/** @param expectedQueueMs what a request that came now would wait */
export function lateError(expectedQueueMs: number): EddiError {
  const message = "expected the tail to start within the request's time, it had to wait";
  return new EddiError("timeout", message, { cause: new Shed("late", expectedQueueMs) });
}
