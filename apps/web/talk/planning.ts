import type { ImageCodecName } from "#shared/codecs";
import type { Measured } from "#shared/learning";
import type { Catalogue, SimulatedConditions, WireCodec } from "#shared/model";
import type { PlannerName, Planning } from "#shared/planning";
import type { Profile } from "#shared/profile";

/**
 * The whole conversation between the edge worker and the optimizer worker, over their own port. The edge
 * worker calls; the optimizer pushes a plan whenever a better one is known.
 */
export type PlanningRequest =
  /**
   * First: the model.json as fetched, so that both have the same version; the codec of all tensors, or null for
   * those of plans; the codecs of images that this browser can write; and who plans.
   */
  | {
      readonly kind: "model";
      readonly json: Uint8Array;
      readonly codec: WireCodec | null;
      readonly imageCodecs: readonly ImageCodecName[];
      readonly planner: PlannerName;
    }
  /** The backend is chosen: its head profile, and this device's time of the reference net. */
  | { readonly kind: "engine"; readonly backend: string | null; readonly selfTestMs: number | null }
  /** What this device has measured of its heads so far: nodes that are ready. */
  | { readonly kind: "profiled"; readonly profile: Profile }
  /** The nodes whose weights are there and whose kernels are warm. */
  | { readonly kind: "ready"; readonly nodes: readonly string[] }
  /** A plan for another wish than the current one. */
  | { readonly kind: "plan"; readonly wish: PlanWish }
  /** An image was taken up: no probes until it is finished with, well or badly. */
  | { readonly kind: "started" }
  /** A download is on the wire, or none any more. */
  | { readonly kind: "downloading"; readonly isOn: boolean }
  /** Bytes of a download have arrived: told now and then. */
  | { readonly kind: "arrived" }
  | { readonly kind: "finished" }
  | { readonly kind: "measured"; readonly measured: Measured }
  /** What images and probes wait for from now on as if it were so; null: nothing, and what was known before is so again. */
  | { readonly kind: "simulate"; readonly conditions: SimulatedConditions | null }
  /** Replied to when no probe is under way, with the plan that follows from all that is known. */
  | { readonly kind: "settle" };

/** What an image asks of its plan. */
export interface PlanWish {
  readonly budgetMs: number;
  /** Top-1 that is enough, 0..1: then the fastest plan is wanted; null: the best within the budget. Else as it is set. */
  readonly minAccuracy?: number | null;
  /** Nothing is to be sent. Else as it is set. */
  readonly phoneOnly?: boolean;
}

export interface PlanningReplies {
  model: null;
  engine: null;
  profiled: null;
  ready: null;
  plan: Planning;
  started: null;
  downloading: null;
  arrived: null;
  finished: null;
  measured: null;
  simulate: null;
  settle: Planning;
}

export type PlanningEvent =
  | { readonly kind: "planned"; readonly planning: Planning }
  /**
   * Whether the service decodes codecs that were fitted to tensors, as far as is known; and what the cloud has where it is
   * none: null before that is known.
   */
  | { readonly kind: "service"; readonly mayFit: boolean; readonly catalogue: Catalogue | null }
  /** A probe is due: no download is to begin until it is taken. */
  | { readonly kind: "hold"; readonly isHeld: boolean };
