import type { Segment } from "#shared/model";
import type { Parameters, WireTensor } from "#shared/protocol";
import type { TensorValues } from "#shared/runtime";

/** What runs tails, away from the event loop. */
export interface Executor {
  /**
   * @throws EddiError `unavailable` when too many wait or the worker stopped, `timeout` when it did not
   *   start or end in time, `cancelled`, and what the tensors themselves give rise to
   */
  run(job: TailJob): Promise<TailResult>;
  load(): Load;
  /** Rejects everything pending. */
  close(): Promise<void>;
}

export interface TailJob {
  readonly modelId: string;
  readonly segment: Segment;
  /** In the order of `segment.feeds`; their buffers are handed over. */
  readonly tensors: readonly WireTensor[];
  /** Of the request: how the tensors are quantised. */
  readonly parameters: Parameters;
  /** Latest start, on the clock of `performance.now()`. */
  readonly startBy: number;
  /** Aborts when the client has gone. */
  readonly signal: AbortSignal;
}

export interface TailResult {
  /** In the order of `segment.outputs`. */
  readonly outputs: readonly TensorValues[];
  /** From `run` to the start of the work, the way to the worker and back included. */
  readonly queueMs: number;
  /** Decoding and running. */
  readonly computeMs: number;
}

export interface Load {
  readonly queued: number;
  readonly running: number;
  /** How long a request that came now would wait. */
  readonly expectedQueueMs: number;
}

/** Why a request is unavailable, as the cause of the error: the code alone does not tell load from fault. */
export const SHED = { queueFull: "queue-full", starting: "starting" } as const;
