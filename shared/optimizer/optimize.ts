import { type ExitCosts, headMembers, type Latency, latencyOf, latencySdMs } from "#shared/evaluator";
import type { Conditions, Plan } from "#shared/model";
import { type Constraints, permits } from "./constraints.ts";
import { type HeadPlan, minCutPlan } from "./min-cut-plan.ts";

/** What the user asks for. */
export type Objective =
  /** The most accurate exit that meets the budget with probability 0.95; milliseconds per image. */
  | { readonly kind: "accuracy"; readonly budgetMs: number }
  /** The fastest plan with at least this top-1, 0..1. An exit that was not measured promises 0. */
  | { readonly kind: "latency"; readonly minAccuracy: number };

export interface PlanningProblem {
  /** Of every exit of the model, any order. */
  readonly costs: readonly ExitCosts[];
  readonly conditions: Conditions;
  readonly objective: Objective;
  readonly constraints?: Constraints;
  /** The plan in use: kept unless another is really better. */
  readonly previous?: Plan;
}

/** The plan to use, and what is expected of it. */
export interface Choice extends Plan {
  /** Names of the tensors that cross, in topological order; empty for all-edge. */
  readonly cut: readonly string[];
  readonly latency: Latency;
  readonly latencySdMs: number;
  /** Of the exit; null when not measured. */
  readonly accuracy: number | null;
  /** Whether the objective's condition is met. */
  readonly feasible: boolean;
}

/**
 * Chooses exit and head together: the best head of every allowed exit (exact, `minCutPlan`), then the best
 * exit.
 *
 * - Exits rank by accuracy; when one of them is not measured, all rank by position, later above earlier.
 * - `accuracy`: the highest exit that meets the budget, ties to the faster plan. If none does: the fastest
 *   plan, marked infeasible.
 * - `latency`: the fastest plan that is accurate enough, ties to the higher exit. If none is: the highest
 *   exit's fastest plan, marked infeasible.
 * - Hysteresis: the previous plan stays if the constraints permit it, it is as feasible as the best, its exit
 *   ranks no lower, and it is slower by at most 3 ms or 5 %, whichever is more.
 *
 * @returns null when the constraints leave no plan
 * @throws EddiError `bad-plan` when the previous plan's head is not a head of its exit
 */
export function optimize(problem: PlanningProblem): Choice | null {
  const { costs, objective, constraints = {}, previous } = problem;
  const allowed = costs.filter(({ exit }) => constraints.exits?.includes(exit) ?? true);
  const candidates = allowed.flatMap((exit) => bestOfExit(exit, problem) ?? []);
  const ranks = rankExits(costs);
  const best = candidates.sort((a, b) => compare(a, b, objective.kind, ranks))[0];
  if (best === undefined) return null;
  const exit = allowed.find((candidate) => candidate.exit === previous?.exit);
  if (previous === undefined || exit === undefined) return toChoice(best, problem);
  const current = assess(exit, headMembers(exit, previous.head), problem);
  const keeps =
    permits(constraints, exit, current.head) &&
    current.feasible === best.feasible &&
    ranks.get(exit.exit)! >= ranks.get(best.costs.exit)! &&
    current.latency.totalMs <= best.latency.totalMs + Math.max(3, 0.05 * best.latency.totalMs);
  return toChoice(keeps ? current : best, problem);
}

interface Candidate extends HeadPlan {
  readonly costs: ExitCosts;
  readonly feasible: boolean;
}

/** One-sided 95 % quantile of the normal distribution. */
const Z95 = 1.645;

/**
 * The fastest plan of an exit that is feasible, else its fastest plan.
 *
 * When the fastest on average misses a budget for its spread, a slower but surer plan may meet it. Two are
 * tried: the best under pessimistic conditions, each at its own 95 % quantile, and all-edge. The latency's
 * quantile is not additive, so this is a bound from above, not an exact search.
 */
function bestOfExit(costs: ExitCosts, problem: PlanningProblem): Candidate | null {
  const { conditions, constraints = {}, objective } = problem;
  const fastest = minCutPlan(costs, conditions, constraints);
  if (fastest === null) return null;
  const first = assess(costs, fastest.head, problem);
  if (first.feasible || objective.kind !== "accuracy") return first;
  const surer = [
    minCutPlan(costs, pessimistic(conditions), constraints),
    minCutPlan(costs, conditions, { ...constraints, offline: true }),
  ];
  const feasible = surer
    .flatMap((plan) => plan ?? [])
    .map(({ head }) => assess(costs, head, problem))
    .filter((candidate) => candidate.feasible)
    .sort((a, b) => a.latency.totalMs - b.latency.totalMs);
  return feasible[0] ?? first;
}

function assess(costs: ExitCosts, head: readonly boolean[], problem: PlanningProblem): Candidate {
  const { objective, conditions } = problem;
  const latency = latencyOf(costs, head, conditions);
  const feasible =
    objective.kind === "latency"
      ? (costs.accuracy ?? 0) >= objective.minAccuracy
      : latency.totalMs + Z95 * latencySdMs(latency, conditions.spread) <= objective.budgetMs;
  return { costs, head, latency, feasible };
}

/** Every uncertain condition at its own 95 % quantile. */
function pessimistic(conditions: Conditions): Conditions {
  const { spread } = conditions;
  return {
    ...conditions,
    rttMs: conditions.rttMs + Z95 * spread.rttMs,
    uplinkBps: conditions.uplinkBps / (1 + Z95 * spread.uplink),
    edgeScale: conditions.edgeScale * (1 + Z95 * spread.edge),
    cloudScale: conditions.cloudScale * (1 + Z95 * spread.cloud),
  };
}

/** Ranks of exits by id, higher is better. */
function rankExits(costs: readonly ExitCosts[]): ReadonlyMap<string, number> {
  const measured = costs.every(({ accuracy }) => accuracy !== null);
  return new Map(costs.map(({ exit, accuracy, position }) => [exit, measured ? accuracy! : position]));
}

/** Negative when `a` is the better choice. */
function compare(
  a: Candidate,
  b: Candidate,
  kind: Objective["kind"],
  ranks: ReadonlyMap<string, number>,
): number {
  if (a.feasible !== b.feasible) return a.feasible ? -1 : 1;
  const higher = ranks.get(b.costs.exit)! - ranks.get(a.costs.exit)!;
  const faster = a.latency.totalMs - b.latency.totalMs;
  const rankFirst = (kind === "accuracy") === a.feasible;
  return rankFirst ? higher || faster : faster || higher;
}

function toChoice(candidate: Candidate, problem: PlanningProblem): Choice {
  const { costs, head, latency, feasible } = candidate;
  const { names, successors } = costs.dag;
  return {
    exit: costs.exit,
    head: names.filter((_, node) => head[node]),
    cut: names.filter((_, node) => head[node] && successors[node]!.some((reader) => !head[reader])),
    latency,
    latencySdMs: latencySdMs(latency, problem.conditions.spread),
    accuracy: costs.accuracy,
    feasible,
  };
}
