import type { ErrorCode } from "#shared/errors";
import type { CloudState } from "#shared/learning";
import type { Conditions, Plan } from "#shared/model";
import type { Finish, LoadReport, Prediction } from "#shared/planning";
import type { ServiceAddress } from "../service/service.ts";

/** The whole conversation between the client and the optimizer worker. */
export type OptimizerRequest =
  /** First and once. */
  | { readonly kind: "open"; readonly service: ServiceAddress }
  /** A port to the edge worker, and again after that one was restarted. */
  | { readonly kind: "connect"; readonly edge: MessagePort }
  | { readonly kind: "budget"; readonly budgetMs: number }
  /** How often frames arrive that overlap; null: one image at a time. */
  | { readonly kind: "load"; readonly framesPerSecond: number | null }
  /** Top-1 that is enough, 0..1: then the fastest plan is wanted. Null: the best within the budget. */
  | { readonly kind: "min-accuracy"; readonly minAccuracy: number | null }
  /** The app downloads something of its own, which delays replies, or has it. */
  | { readonly kind: "downloading"; readonly state: DownloadState }
  /** Probes rest while nobody looks. */
  | { readonly kind: "visible"; readonly visible: boolean };

export interface OptimizerReplies {
  open: null;
  connect: null;
  budget: null;
  load: null;
  "min-accuracy": null;
  downloading: null;
  visible: null;
}

/** How a download of the app's own stands. */
export type DownloadState = "loading" | "loaded" | "failed";

export type OptimizerEvent =
  | { readonly kind: "summary"; readonly summary: PlanSummary }
  /** A probe is due: the app is to begin no download until it is taken. */
  | { readonly kind: "hold"; readonly isHeld: boolean }
  | { readonly kind: "problem"; readonly code: ErrorCode; readonly message: string };

/** For display: what is known and what follows from it. */
export interface PlanSummary {
  readonly budgetMs: number;
  /** Top-1 that is enough, 0..1; null: the best within the budget. */
  readonly minAccuracy: number | null;
  readonly conditions: Conditions;
  readonly cloud: CloudState;
  /** Whether conditions rest on measurements: not on first guesses, nor on what was before the cloud was down. */
  readonly measured: { readonly rtt: boolean; readonly uplink: boolean; readonly edge: boolean };
  readonly plan: Plan | null;
  readonly prediction: Prediction | null;
  readonly wanted: Plan | null;
  readonly finish: readonly Finish[];
  readonly load: LoadReport | null;
  /** Where the times of head and tail come from. */
  readonly profiles: { readonly head: string; readonly tail: string };
}
