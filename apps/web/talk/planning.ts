import type { ImageCodecName } from "#shared/codecs";
import type { Latency } from "#shared/evaluator";
import type { Plan, Transport, WireCodec } from "#shared/model";
import type { LoadMode } from "#shared/optimizer";
import type { Profile } from "#shared/profile";

/**
 * The whole conversation between the edge worker and the optimizer worker, over their own port. The edge
 * worker calls; the optimizer pushes a plan whenever a better one is known.
 */
export type LinkRequest =
  /**
   * First: the model.json as fetched, so that both have the same version; the codec of all tensors, or null for
   * those of plans; and the codecs of images that this browser can write.
   */
  | {
      readonly kind: "model";
      readonly json: Uint8Array;
      readonly codec: WireCodec | null;
      readonly imageCodecs: readonly ImageCodecName[];
    }
  /** The backend is chosen: its head profile, and this device's time of the reference net. */
  | { readonly kind: "engine"; readonly backend: string | null; readonly selfTestMs: number | null }
  /** What this device has measured of its heads so far: nodes that are ready. */
  | { readonly kind: "calibrated"; readonly profile: Profile }
  /** The nodes whose weights are there and whose kernels are warm. */
  | { readonly kind: "ready"; readonly nodes: readonly string[] }
  /** A plan for another objective than the current one. */
  | { readonly kind: "plan"; readonly objective: Objective }
  /** An image was taken up: no probes until it is finished with, well or badly. */
  | { readonly kind: "started" }
  /** A download is on the wire, or none any more. */
  | { readonly kind: "downloading"; readonly isOn: boolean }
  /** Bytes of a download have arrived: told now and then. */
  | { readonly kind: "arrived" }
  | { readonly kind: "finished" }
  | { readonly kind: "measured"; readonly measured: Measured }
  /** Replied to when no probe is under way, with the plan that follows from all that is known. */
  | { readonly kind: "settle" };

/** What an image asks of its plan. */
export interface Objective {
  readonly budgetMs: number;
  /** Top-1 that is enough, 0..1: then the fastest plan is wanted; null: the best within the budget. Else as it is set. */
  readonly minAccuracy?: number | null;
}

export interface LinkReplies {
  model: null;
  engine: null;
  calibrated: null;
  ready: null;
  plan: Planning;
  started: null;
  downloading: null;
  arrived: null;
  finished: null;
  measured: null;
  settle: Planning;
}

export type LinkEvent =
  | { readonly kind: "planned"; readonly planning: Planning }
  /** A probe is due: no download is to begin until it is taken. */
  | { readonly kind: "hold"; readonly isHeld: boolean };

/** What the optimizer tells the edge worker for the next image. */
export interface Planning {
  readonly budgetMs: number;
  /** Top-1 that is enough, 0..1; null: the best within the budget. */
  readonly minAccuracy: number | null;
  /** Null when nothing can be run: no weights yet and no cloud. */
  readonly plan: Plan | null;
  readonly prediction: Prediction | null;
  /** The ways that an image of this plan may take to its answer; the plan's own is among them. */
  readonly ways: readonly Way[];
  /** The plan there would be if all weights were there: they are to be fetched. */
  readonly wanted: Plan | null;
  /** By exit, earliest first: how long it takes to finish there on the edge once the plan's head has run. */
  readonly finish: readonly Finish[];
  /** Null unless frames arrive faster than one after the other. */
  readonly load: LoadReport | null;
  /** Whether the service is there, as far as is known. */
  readonly cloudUp: boolean;
  /** Whether a service that is busy may answer at an earlier exit: not where an accuracy is asked for. */
  readonly mayAnswerEarlier: boolean;
}

/** How plans keep up with frames that arrive at a given rate, their stages overlapping. */
export interface LoadReport {
  readonly framesPerSecond: number;
  readonly mode: LoadMode;
  /** What this plan sustains. */
  readonly planFps: number;
  /** The most that any plan sustains now. */
  readonly sustainableFps: number;
}

export interface Finish {
  readonly exit: string;
  readonly finishMs: number;
}

/** How long an answer is expected to take. */
export interface Forecast {
  readonly latency: Latency;
  /** Decoding and scaling the image, which comes on top of the latency. */
  readonly imageMs: number;
  /** Both together. */
  readonly totalMs: number;
  readonly sdMs: number;
}

/** One way to an answer: an early exit that is sure, the plan's exit, or an earlier one that a busy service takes. */
export interface Way {
  readonly exit: string;
  readonly by: "edge" | "cloud";
  readonly forecast: Forecast;
}

/** Of an image that no early exit answers, and of the plan as a whole. */
export interface Prediction extends Forecast {
  /** On average, the images that early exits answer included. */
  readonly expectedMs: number;
  /** Top-1 that the plan promises, 0..1; null when its exits were not measured. */
  readonly accuracy: number | null;
  /** Of keeping the budget, 0..1. */
  readonly probability: number;
  readonly feasible: boolean;
}

/** What one answered image teaches. */
export interface Measured {
  readonly imageMs: number;
  /** A head that ran on the edge, its cut read back and encoded; all-edge runs and local finishes included. */
  readonly head: HeadMeasured | null;
  readonly cloud: CloudMeasured | CloudLost | null;
}

/** What ran on the edge, and how long it took: less than the plan when an early exit was sure. */
export interface HeadMeasured {
  /** Without early exits: the exit that was sure and all it needs, else the plan's exit and head. */
  readonly plan: Plan;
  /** Nodes that ran beside it: the branches of early exits that were not sure. */
  readonly branches: readonly string[];
  /** Segments that computed something, each fed and read back by itself. */
  readonly runs: number;
  readonly ms: number;
}

export interface CloudMeasured {
  readonly kind: "answered";
  readonly plan: Plan;
  readonly requestBytes: number;
  readonly transport: Transport;
  /** From the request to the reply, by the worker's clock. */
  readonly elapsedMs: number;
  /** A download was on the wire meanwhile: the time says nothing of the link itself. */
  readonly isShared: boolean;
  /** Of that, by the service's clock. */
  readonly queueMs: number;
  readonly computeMs: number;
  /** What the service expects the next request to wait; null when it does not tell. */
  readonly expectedQueueMs: number | null;
}

export interface CloudLost {
  readonly kind: "lost";
  readonly requestBytes: number;
  readonly transport: Transport;
  /** How long a reply was waited for in vain; null when the request failed. */
  readonly waitedMs: number | null;
  /** A download was on the wire meanwhile. */
  readonly isShared: boolean;
  /** Bytes of it have arrived meanwhile: the service is there. */
  readonly isHeard: boolean;
  /** The service is there but refuses for so long; null when it could not be reached. */
  readonly retryAfterMs: number | null;
  /** What it expects a request to wait; null when it does not tell. */
  readonly expectedQueueMs: number | null;
}
