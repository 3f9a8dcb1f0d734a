import type { ErrorCode } from "#shared/errors";
import type { CloudState } from "#shared/learning";
import type { Conditions, Plan } from "#shared/model";
import type { Alternative, Finish, LoadReport, PlanningTrace, Prediction } from "#shared/planning";
import type { ServiceAddress } from "../service/service.ts";

/** The whole conversation between the client and the optimizer worker. */
export type OptimizerRequest =
  /** First and once. */
  | { readonly kind: "open"; readonly service: ServiceAddress; readonly cloud: ServiceAddress | null }
  /** A port to the edge worker, and again after that one was restarted. */
  | { readonly kind: "connect"; readonly edge: MessagePort }
  | { readonly kind: "budget"; readonly budgetMs: number }
  /** How often frames arrive that overlap; null: one image at a time. */
  | { readonly kind: "load"; readonly framesPerSecond: number | null }
  /** Top-1 that is enough, 0..1: then the fastest plan is wanted. Null: the best within the budget. */
  | { readonly kind: "min-accuracy"; readonly minAccuracy: number | null }
  /** Whether nothing is to be sent, whatever it costs. */
  | { readonly kind: "phone-only"; readonly phoneOnly: boolean }
  /** Whether exits on the way may answer when they are sure. */
  | { readonly kind: "early-exits"; readonly earlyExits: boolean }
  /** The app downloads something of its own, which delays replies, or has it. */
  | { readonly kind: "downloading"; readonly state: DownloadState }
  /** Probes rest while nobody looks. */
  | { readonly kind: "visible"; readonly visible: boolean }
  /** What would be planned in other conditions, or what a plan would cost. */
  | { readonly kind: "imagine"; readonly what: Imagining }
  | { readonly kind: "phase-map"; readonly what: PhaseMapRequest }
  /** What the model's nodes take now. */
  | { readonly kind: "nodes" }
  /** What was planned so far, and what it followed from. */
  | { readonly kind: "trace" };

export interface OptimizerReplies {
  open: null;
  connect: null;
  budget: null;
  load: null;
  "min-accuracy": null;
  "phone-only": null;
  "early-exits": null;
  downloading: null;
  visible: null;
  imagine: Imagined;
  "phase-map": PhaseMap;
  nodes: readonly NodeFacts[];
  trace: PlanningTrace;
}

/** What is imagined otherwise than it is; all else is as it is known. */
export interface Imagining {
  readonly conditions?: Partial<Omit<Conditions, "spread">>;
  /** What this would cost, instead of what would be planned; its codecs are chosen anew. */
  readonly plan?: Pick<Plan, "exit" | "head">;
}

/** What would be planned, or what a given plan would cost. */
export type Imagined = Pick<
  PlanSummary,
  "budgetMs" | "minAccuracy" | "conditions" | "plan" | "prediction" | "sentBytes" | "alternatives"
>;

/** A plane of conditions: from the first value to the second, on logarithmic scales. */
export interface PhaseMapRequest {
  readonly columns: number;
  readonly rows: number;
  /** To the right; RTTs go along with them. */
  readonly uplinkBps: readonly [number, number];
  readonly rttMs: readonly [number, number];
  /** Upwards. */
  readonly edgeScale: readonly [number, number];
  readonly conditions?: Imagining["conditions"];
}

export interface PhaseMap {
  readonly columns: number;
  readonly rows: number;
  /** Row after row from the fastest edge, each from the slowest uplink: the plan's exit, and how many nodes its head has. */
  readonly kinds: readonly ({ readonly exit: string; readonly nodes: number } | null)[];
}

/** A node of the model: what it makes and takes. */
export interface NodeFacts {
  readonly name: string;
  /** Of its tensor, without the batch axis. */
  readonly shape: readonly number[];
  /** Milliseconds of this node alone, in the present conditions. */
  readonly edgeMs: number;
  readonly cloudMs: number;
  /** Of a request with its tensor alone; null where it is not needed for the last exit, or no tail begins with it. */
  readonly sentBytes: number | null;
  /** As measured, fewest bytes first; `loss`: top-1 that the last exit loses, 0..1. */
  readonly codecs: readonly {
    readonly codec: string;
    readonly bytes: number;
    readonly loss: number | null;
  }[];
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
  /** What the plan sends, headers included; 0 where that is nothing. */
  readonly sentBytes: number;
  /** What the simple ways would cost: of these the plan is compared with. */
  readonly alternatives: readonly Alternative[];
  readonly wanted: Plan | null;
  readonly finish: readonly Finish[];
  readonly load: LoadReport | null;
  /** Where the times of head and tail come from. */
  readonly profiles: { readonly head: string; readonly tail: string };
}
