import type { ExitCosts } from "#shared/evaluator";
import type { Conditions, ExitPolicy, Plan } from "#shared/model";
import type { Lead, LoadMode, Objective } from "#shared/optimizer";

/** What plans are made of, whatever the conditions. */
export interface CostedModel {
  /** Of every exit, earliest first; of one wire mode after the other. */
  readonly costs: readonly ExitCosts[];
  /** Ways to let sure exits answer early. */
  readonly policies: readonly ExitPolicy[];
}

/** What is known and wanted when the plan for the next image is made. */
export interface PlanRequest {
  /** As they are estimated, with their spread. */
  readonly conditions: Conditions;
  /** When the answer is due, from the image's arrival. */
  readonly budgetMs: number;
  /** Top-1 that is enough, 0..1: then the fastest plan is wanted. Null: the best within the budget. */
  readonly minAccuracy: number | null;
  /** How often frames arrive that overlap; null: one image at a time. */
  readonly framesPerSecond: number | null;
  /** Decoding and scaling an image: spent before the plan's latency begins. */
  readonly image: Lead;
  /** What the edge can run now, by name. The same object while it is the same set: what follows from it is kept. */
  readonly readyNodes: ReadonlySet<string>;
  /** False while the service cannot be reached or refuses. */
  readonly cloudUp: boolean;
  /** The plan in use; null when there is none, or it is not to be followed up. */
  readonly previous: Plan | null;
  /** The network is guessed, and soon to be known better: no reason to fetch weights. Then no other plan is wanted. */
  readonly isGuess?: boolean;
}

/** What a planner decides. What is to be expected of it follows from plan and request: `planningFor`. */
export interface PlanChoice {
  /** Its edge part within `readyNodes`; null when nothing can be run. */
  readonly plan: Plan | null;
  /** What the plan would be if all weights were there: they are to be fetched. The plan itself, of a guess. */
  readonly wanted: Plan | null;
  /** Under load: how it is met, and what any plan sustains. Absent where the planner does not know. */
  readonly load?: { readonly mode: LoadMode; readonly sustainableFps: number };
}

/**
 * Decides for one image after the other, of one user: page, lab and simulator take any. It knows what the request
 * and its own past say, and reads no clock.
 */
export interface Planner {
  plan(request: PlanRequest): PlanChoice;
}

/** A way to plan: `start` gives each user a planner; they share what is expensive to build. */
export interface PlannerKind {
  start(): Planner;
}

export function objectiveOf({ budgetMs, minAccuracy }: PlanRequest): Objective {
  return minAccuracy === null ? { kind: "accuracy", budgetMs } : { kind: "latency", minAccuracy };
}
