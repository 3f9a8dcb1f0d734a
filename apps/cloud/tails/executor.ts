import type { Segment } from "#shared/model";
import type { Parameters, WireTensor } from "#shared/protocol";
import type { TensorValues } from "#shared/runtime";

/** What runs tails, away from the event loop. */
export interface Executor {
  /**
   * @throws EddiError `unavailable` when too much waits or the worker stopped, `timeout` when it would not or did
   *   not end in time, `cancelled`, and what the tensors themselves give rise to; what was shed has a `Shed` as cause
   */
  run(job: TailJob): Promise<TailResult>;
  /** What a tail adds to the work of a worker, together with what usually runs along with it: milliseconds. */
  workMs(tail: Tail, images: number): number;
  /** What a tail that came now would meet. */
  forecast(tail: Tail & Partial<Asker>, images: number): Forecast;
  /** @param asker who would ask; without, one who comes after everybody */
  load(asker?: Partial<Asker>): Load;
  /** Rejects everything pending. */
  close(): Promise<void>;
}

/** A part of a model, to be run. */
export interface Tail {
  /** Of the model and its version, as `modelKey` makes it. */
  readonly model: string;
  readonly segment: Segment;
}

/** Whose turn a tail takes. */
export interface Asker {
  /** The owner of a key, or an address. */
  readonly client: string;
  /** Names the client's connection. */
  readonly line: number;
}

export interface TailJob extends Tail, Partial<Asker> {
  /** In the order of `segment.feeds`, all of one batch; their buffers are handed over. */
  readonly tensors: readonly WireTensor[];
  /** Of the request: how the tensors are quantised. */
  readonly parameters: Parameters;
  /** Latest start that the service has patience for, on the clock of `performance.now()`. */
  readonly startBy: number;
  /** When the client stops to care, on the same clock; may be infinite. */
  readonly finishBy: number;
  /** Aborts when the client has gone. */
  readonly signal: AbortSignal;
}

export interface TailResult {
  /** In the order of `segment.outputs`. */
  readonly outputs: readonly TensorValues[];
  /** From `run` to the start of the work, the way to the worker and back included. */
  readonly queueMs: number;
  /** Decoding and running, of the whole batches that it ran in: several, where a large job took turns with others. */
  readonly computeMs: number;
  /** Its share of that, by images. */
  readonly workMs: number;
  /** Images of the largest of these batches, others' included. */
  readonly batchImages: number;
  /** Something slower ran it, or a part of it, than will run the next ones: what it took foretells nothing. */
  readonly isStandIn: boolean;
}

export interface Forecast {
  /** Until a worker takes it. */
  readonly waitMs: number;
  /** What it then takes; a guess where no such tail ran lately. */
  readonly runMs: number;
  readonly isGuess: boolean;
}

export interface Load {
  /** Jobs that wait. */
  readonly queued: number;
  /** Workers that run something. */
  readonly running: number;
  /** How long a request that came now would wait. */
  readonly expectedQueueMs: number;
}

/** Why a request was not taken, or not run, although nothing is wrong with it. */
export type ShedReason =
  /** It would have had to wait for too long, for a turn or for a worker that lives, or has. */
  | "queue-full"
  | "no-worker"
  | "starting"
  | "late"
  | "cancelled"
  /** Its client asks for too much: in a second, or at once on its stream, or by its connections. */
  | "rate-limited"
  | "calls"
  | "connections"
  /** Bodies take more memory than they may, or long frames more time. */
  | "memory"
  | "long-frames"
  /** Something of the service's own: a worker that was lost, files that do not answer, a model that is refused, its end. */
  | "worker-lost"
  | "files"
  | "model"
  | "closing";

/** Those for which the wait was the reason. */
const WAITS: readonly ShedReason[] = ["queue-full", "no-worker", "starting", "late", "cancelled"];

/** The cause of the error of a request that was shed. */
export class Shed {
  readonly reason: ShedReason;
  /** When it is worth trying again: after the wait that it would have met, or has met. */
  readonly retryAfterMs: number;

  constructor(reason: ShedReason, retryAfterMs: number) {
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }

  /** How long it would have waited; null where that was not the reason. */
  get waitMs(): number | null {
    return WAITS.includes(this.reason) ? this.retryAfterMs : null;
  }
}
