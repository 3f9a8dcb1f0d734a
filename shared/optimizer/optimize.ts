import { codecsOf, type ExitCosts, type Latency, lossOver, promisedAccuracy } from "#shared/evaluator";
import type { Conditions, Plan } from "#shared/model";
import type { Constraints } from "./constraints.ts";
import { leastPeriod, type PeriodPlan, periodMs } from "./least-period.ts";
import { minCutPlan } from "./min-cut-plan.ts";

/** What the user asks for. */
export type Objective =
  /** The most accurate exit that meets the budget; milliseconds per image. */
  | { readonly kind: "accuracy"; readonly budgetMs: number }
  /** The fastest plan with at least this top-1, 0..1. An exit that was not measured promises 0. */
  | { readonly kind: "latency"; readonly minAccuracy: number }
  /** The plan whose longest stage is shortest, with at least this top-1, 0..1. */
  | { readonly kind: "throughput"; readonly minAccuracy: number };

export interface PlanningProblem {
  /** Of every exit of the model, any order; of every wire mode that there is to choose from. */
  readonly costs: readonly ExitCosts[];
  /** Taken as certain: their spread is ignored. `LivePlanner` heeds it. */
  readonly conditions: Conditions;
  readonly objective: Objective;
  readonly constraints?: Constraints;
  /** See `MAX_HEADS`: beyond it `throughput` is bounded, not exact. */
  readonly limit?: number;
}

/** The plan to use, and what is expected of it. */
export interface Choice extends Plan {
  /** Names of the tensors that cross, in topological order; empty for all-edge. */
  readonly cut: readonly string[];
  readonly latency: Latency;
  /** Time of the longest of the stages edge, uplink and cloud. */
  readonly periodMs: number;
  /** Of the exit, less what the cut's codecs were measured to cost; null when not measured. */
  readonly accuracy: number | null;
  /** Whether the objective's condition is met. */
  readonly feasible: boolean;
  /** No plan has a shorter period. Only for `throughput`, where that is not proven of this plan. */
  readonly lowerBoundMs?: number;
}

/**
 * Chooses exit and head together, exactly, for conditions that are certain: the best head of every allowed
 * exit, then the best exit.
 *
 * - Exits rank by accuracy; when one of them is not measured, all rank by position, later above earlier. How
 *   tensors travel does not change the rank; a minimum of accuracy is met when it is whichever tensor travels, or none.
 * - `accuracy`: the highest exit that meets the budget, ties to the faster plan. If none does: the fastest
 *   plan, ties to the higher exit, marked infeasible.
 * - `latency`: the fastest plan that is accurate enough, ties to the higher exit. If none is: the highest
 *   exit's fastest plan, marked infeasible.
 * - `throughput`: the same for the shortest period, ties to the lower latency.
 *
 * @returns null when the constraints leave no plan
 */
export function optimize(problem: PlanningProblem): Choice | null {
  const { costs, objective, constraints = {} } = problem;
  const allowed = costs.filter(({ exit }) => constraints.exits?.includes(exit) ?? true);
  const ranks = rankExits(costs);
  const candidates = allowed.flatMap((exit) =>
    bestOfExit(exit, ranks.get(exit.exit)! - (exit.wire?.counted ?? 0), problem),
  );
  const best = candidates.sort((a, b) => compare(a, b, objective.kind))[0];
  if (best === undefined) return null;
  const choice = toChoice(best);
  if (objective.kind !== "throughput") return choice;
  const rivals = candidates.filter(({ feasible, rank }) => (best.feasible ? feasible : rank === best.rank));
  const lowerBoundMs = Math.min(...rivals.map((candidate) => candidate.plan.lowerBoundMs));
  return lowerBoundMs < choice.periodMs * (1 - 1e-9) ? { ...choice, lowerBoundMs } : choice;
}

interface Candidate {
  readonly costs: ExitCosts;
  readonly plan: PeriodPlan;
  readonly rank: number;
  readonly feasible: boolean;
}

/** Latencies that meet a budget may exceed it by rounding. */
const ROUNDING = 1e-9;

/** The best plan; where an accuracy is asked for that only all-edge keeps, that one too. */
function bestOfExit(costs: ExitCosts, rank: number, problem: PlanningProblem): readonly Candidate[] {
  const { constraints = {}, objective } = problem;
  const best = bestHead(costs, problem, constraints);
  if (best === null) return [];
  if (objective.kind === "accuracy") {
    const feasible = best.latency.totalMs <= objective.budgetMs * (1 + ROUNDING);
    return [{ costs, plan: best, rank, feasible }];
  }
  const isEnough = (accuracy: number | null): boolean => (accuracy ?? 0) >= objective.minAccuracy;
  const isPromised = isEnough(promisedAccuracy(costs));
  const candidate = { costs, plan: best, rank, feasible: isPromised };
  if (isPromised || !isEnough(costs.accuracy)) return [candidate];
  const edge = bestHead(costs, problem, { ...constraints, offline: true });
  return edge === null ? [candidate] : [candidate, { ...candidate, plan: edge, feasible: true }];
}

function bestHead(
  costs: ExitCosts,
  { conditions, objective, limit }: PlanningProblem,
  constraints: Constraints,
): PeriodPlan | null {
  if (objective.kind === "throughput") return leastPeriod(costs, conditions, constraints, limit);
  const found = minCutPlan(costs, conditions, constraints);
  return found && { ...found, periodMs: periodMs(found.latency), lowerBoundMs: 0 };
}

/** Ranks of exits by id, higher is better. */
export function rankExits(costs: readonly ExitCosts[]): ReadonlyMap<string, number> {
  const measured = costs.every(({ accuracy }) => accuracy !== null);
  return new Map(costs.map(({ exit, accuracy, position }) => [exit, measured ? accuracy! : position]));
}

/** Negative when `a` is the better choice. */
function compare(a: Candidate, b: Candidate, kind: Objective["kind"]): number {
  if (a.feasible !== b.feasible) return a.feasible ? -1 : 1;
  const higher = b.rank - a.rank;
  const faster = a.plan.latency.totalMs - b.plan.latency.totalMs;
  const shorter = a.plan.periodMs - b.plan.periodMs;
  const isAlike = Math.abs(shorter) <= ROUNDING * b.plan.periodMs;
  const quicker = kind === "throughput" && !isAlike ? shorter : faster;
  const rankFirst = (kind === "accuracy") === a.feasible;
  return rankFirst ? higher || quicker : quicker || higher;
}

function toChoice({ costs, plan, feasible }: Candidate): Choice {
  const { names, successors } = costs.dag;
  const { head, latency } = plan;
  const crosses = (node: number): boolean => head[node]! && successors[node]!.some((reader) => !head[reader]);
  const cut = names.filter((_, node) => crosses(node));
  const codecs = codecsOf(costs, cut);
  return {
    exit: costs.exit,
    head: names.filter((_, node) => head[node]),
    ...(codecs === undefined ? {} : { codecs }),
    cut,
    latency,
    periodMs: plan.periodMs,
    accuracy: costs.accuracy === null ? null : costs.accuracy - lossOver(costs, crosses),
    feasible,
  };
}
