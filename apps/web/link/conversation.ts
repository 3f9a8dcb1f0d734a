import type { Latency, Profile } from "#shared/evaluator";
import type { Plan } from "#shared/model";
import type { Codec } from "#shared/protocol";

/**
 * The whole conversation between the edge worker and the optimizer worker, over their own port. The edge
 * worker calls; the optimizer pushes a plan whenever a better one is known.
 */
export type LinkRequest =
  /** First: the model.json as fetched, so that both have the same version. */
  | { readonly kind: "model"; readonly json: Uint8Array; readonly codec: Codec }
  /** The backend is chosen: its head profile, and this device's time of the reference net. */
  | { readonly kind: "engine"; readonly backend: string | null; readonly selfTestMs: number | null }
  /** What this device has measured of its heads so far: nodes that are ready. */
  | { readonly kind: "calibrated"; readonly profile: Profile }
  /** The nodes whose weights are there and whose kernels are warm. */
  | { readonly kind: "ready"; readonly nodes: readonly string[] }
  /** A plan for another budget than the current one. */
  | { readonly kind: "plan"; readonly budgetMs: number }
  /** An image was taken up: no probes until it is finished with, well or badly. */
  | { readonly kind: "started" }
  | { readonly kind: "finished" }
  | { readonly kind: "measured"; readonly measured: Measured }
  /** Replied to when no probe is under way, with the plan that follows from all that is known. */
  | { readonly kind: "settle" };

export interface LinkReplies {
  model: null;
  engine: null;
  calibrated: null;
  ready: null;
  plan: Planning;
  started: null;
  finished: null;
  measured: null;
  settle: Planning;
}

export type LinkEvent = { readonly kind: "planned"; readonly planning: Planning };

/** What the optimizer tells the edge worker for the next image. */
export interface Planning {
  readonly budgetMs: number;
  /** Null when nothing can be run: no weights yet and no cloud. */
  readonly plan: Plan | null;
  readonly prediction: Prediction | null;
  /** The plan there would be if all weights were there: they are to be fetched. */
  readonly wanted: Plan | null;
  /** By exit, earliest first: how long it takes to finish there on the edge once the plan's head has run. */
  readonly finish: readonly Finish[];
}

export interface Finish {
  readonly exit: string;
  readonly finishMs: number;
}

export interface Prediction {
  readonly latency: Latency;
  /** Decoding and scaling the image, which comes on top of the latency. */
  readonly imageMs: number;
  /** Both together. */
  readonly totalMs: number;
  readonly sdMs: number;
  readonly feasible: boolean;
}

/** What one answered image teaches. */
export interface Measured {
  readonly imageMs: number;
  /** A head that ran on the edge, its cut read back and encoded; all-edge runs and local finishes included. */
  readonly head: { readonly plan: Plan; readonly ms: number } | null;
  readonly cloud: CloudMeasured | CloudLost | null;
}

export interface CloudMeasured {
  readonly kind: "answered";
  readonly plan: Plan;
  readonly requestBytes: number;
  /** From the start of the request to the start of the response. */
  readonly elapsedMs: number;
  /** By the service's clock; null when it does not tell. */
  readonly receiveMs: number | null;
  readonly queueMs: number;
  readonly computeMs: number;
}

export interface CloudLost {
  readonly kind: "lost";
  readonly requestBytes: number;
  /** How long a reply was waited for in vain; null when the request failed. */
  readonly waitedMs: number | null;
  /** The service is there but refuses for so long; null when it could not be reached. */
  readonly retryAfterMs: number | null;
}
