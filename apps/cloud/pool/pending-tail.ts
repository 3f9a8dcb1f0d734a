import { EddiError } from "#shared/errors";
import { Shed, type TailJob, type TailResult } from "../tails/executor.ts";
import { joinImages, someImages } from "../tails/portions.ts";
import type { BatchItem } from "../worker-messages/tail-messages.ts";
import type { Portion, Queued } from "./tail-queue.ts";

/** What the pool knows of a job when it comes. */
export interface Admitted {
  readonly kind: string;
  readonly images: number;
  /** What it adds to the work that waits. */
  readonly workMs: number;
  /** From when it came until it is done, as far as could be said then; 0 where nothing could. */
  readonly expectedMs: number;
  /** Latest start, on the clock of `performance.now()`: later it is given up. */
  readonly startBy: number;
}

export interface Settling {
  readonly resolve: (result: TailResult) => void;
  readonly reject: (error: EddiError) => void;
  /** Its client has gone, or it has waited for too long. */
  readonly giveUp: (why: "gone" | "late") => void;
  /** It waits and runs no more. */
  readonly settled: () => void;
}

/** A batch that ran. */
export interface Ran {
  readonly computeMs: number;
  /** As of `LoadedModel`. */
  readonly isStandIn: boolean;
  /** Images that were computed in it, of all jobs. */
  readonly images: number;
}

/** A job that waits or runs, at once or a few images at a time, until it settles. */
export class PendingTail implements Queued {
  readonly job: TailJob;
  readonly kind: string;
  readonly images: number;
  readonly workMs: number;
  readonly bytes: number;
  readonly expectedMs: number;
  readonly who: readonly unknown[];
  readonly arrivedMs = performance.now();
  isSettled = false;
  /** Whether some of its images run, or have run. */
  hasBegun = false;
  private readonly settling: Settling;
  private readonly late: NodeJS.Timeout | undefined;
  private readonly onAbort: () => void;
  private readonly parts: { readonly from: number; readonly outputs: TailResult["outputs"] }[] = [];
  private missing: number;
  private computeMs = 0;
  private ownMs = 0;
  private batchImages = 0;
  private isStandIn = false;

  constructor(job: TailJob, { kind, images, workMs, expectedMs, startBy }: Admitted, settling: Settling) {
    this.job = job;
    this.kind = kind;
    this.images = images;
    this.missing = images;
    this.workMs = workMs;
    this.expectedMs = expectedMs;
    this.bytes = bytesOf(job);
    this.who = [job.client, job.model, job.line];
    this.settling = settling;
    this.onAbort = () => settling.giveUp("gone");
    job.signal.addEventListener("abort", this.onAbort, { once: true });
    const leftMs = startBy - this.arrivedMs;
    this.late = setTimeout(() => settling.giveUp("late"), Math.min(leftMs, 2 ** 31 - 1));
  }

  get finishBy(): number {
    return this.job.finishBy;
  }

  /**
   * Some of its images start: from now on it is too late to be late.
   *
   * @throws EddiError as `someImages`
   */
  take({ from, images }: Portion<PendingTail>): BatchItem {
    clearTimeout(this.late);
    this.hasBegun = true;
    const { tensors, parameters } = this.job;
    return { tensors: someImages(tensors, from, images), parameters };
  }

  /** Some of its images have been answered. */
  answer({ from, images }: Portion<PendingTail>, outputs: TailResult["outputs"], ran: Ran): void {
    this.parts.push({ from, outputs });
    this.missing -= images;
    this.computeMs += ran.computeMs;
    this.ownMs += (ran.computeMs * images) / ran.images;
    this.batchImages = Math.max(this.batchImages, ran.images);
    this.isStandIn ||= ran.isStandIn;
    if (this.missing > 0 || this.isSettled) return;
    this.settle();
    const { computeMs, ownMs: workMs, batchImages, isStandIn } = this;
    // Parts of it may have run at the same time.
    const queueMs = Math.max(0, performance.now() - this.arrivedMs - computeMs);
    const all = this.joined();
    this.settling.resolve({ outputs: all, computeMs, queueMs, workMs, batchImages, isStandIn });
  }

  fail(error: EddiError): void {
    if (this.isSettled) return;
    this.settle();
    this.settling.reject(error);
  }

  private joined(): TailResult["outputs"] {
    const parts = this.parts.sort((a, b) => a.from - b.from).map(({ outputs }) => outputs);
    return parts[0]!.map((_, at) => joinImages(parts.map((outputs) => outputs[at]!)));
  }

  private settle(): void {
    this.isSettled = true;
    clearTimeout(this.late);
    this.job.signal.removeEventListener("abort", this.onAbort);
    this.settling.settled();
  }
}

export function bytesOf({ tensors }: TailJob): number {
  return tensors.reduce((sum, { data }) => sum + data.byteLength, 0);
}

/** @param waitedMs in vain; null for a tail that ran */
export function goneError(waitedMs: number | null = null): EddiError {
  const cause = waitedMs === null ? undefined : new Shed("cancelled", waitedMs);
  return new EddiError("cancelled", "the client has gone", { cause });
}

/** @param waitedMs what it has waited, or what a request that came now would wait, whichever is more */
export function lateError(waitedMs: number): EddiError {
  const message = "expected the tail to start within the request's time, it had to wait";
  return new EddiError("timeout", message, { cause: new Shed("late", waitedMs) });
}
