import type { ExitCosts } from "#shared/evaluator";
import type { Conditions, Model } from "#shared/model";
import type { Objective } from "#shared/optimizer";
import type { ModelVerdicts } from "../verdicts/verdicts.ts";
import type { WorldSettings } from "../world/world.ts";

/** One client's conditions and photos: what a policy is tried on. */
export interface Scenario {
  readonly model: Model;
  readonly verdicts: ModelVerdicts;
  /** What planners are told: of all exits and wire modes. */
  readonly costs: readonly ExitCosts[];
  /** The same by sums of layers timed alone; null where none were measured. */
  readonly layerCosts: readonly ExitCosts[] | null;
  /** What the world goes by; the same but for ablations of profiling. */
  readonly truth: readonly ExitCosts[];
  readonly world: WorldSettings;
  readonly seed: number;
  /** When photos come, in ms since the page was opened, rising. */
  readonly arrivals: readonly number[];
  /** By answer: the photo's number among the verdicts. */
  readonly photos: readonly number[];
  readonly objective: Objective;
  /** Frames that overlap come so often; null: photos. */
  readonly framesPerSecond: number | null;
  /** What the page assumes before it has measured anything. */
  readonly guess: Conditions;
}

/** The budget that says which answers are in time; infinite where none was asked for. */
export function budgetOf({ objective }: Pick<Scenario, "objective">): number {
  return objective.kind === "accuracy" ? objective.budgetMs : Number.POSITIVE_INFINITY;
}
