import { type ExitCosts, headMembers, latencyOf } from "#shared/evaluator";
import type { Conditions, Plan } from "#shared/model";
import { type Choice, type Constraints, optimize } from "#shared/optimizer";
import type { Finish, Planning, Prediction } from "../link/conversation.ts";

/** All that a plan follows from. */
export interface Knowledge {
  /** Earliest exit first. */
  readonly costs: readonly ExitCosts[];
  readonly conditions: Conditions;
  /** Decoding and scaling an image: spent before the plan's latency begins. */
  readonly image: { readonly ms: number; readonly sdMs: number };
  /** What the edge can run now. */
  readonly readyNodes: ReadonlySet<string>;
  /** False while the service cannot be reached or refuses. */
  readonly cloudUp: boolean;
}

/**
 * The plan for the next image.
 *
 * Plans never wait for weights: only ready nodes are in the head. What the plan would be with all weights at
 * hand is told too, so that the edge can fetch them.
 *
 * @param previous the plan in use
 */
export function planFor(knowledge: Knowledge, budgetMs: number, previous: Plan | null): Planning {
  const { readyNodes } = knowledge;
  const offline = !knowledge.cloudUp;
  const wanted = choose(knowledge, budgetMs, previous, { offline });
  const choice = choose(knowledge, budgetMs, previous, { offline, readyNodes });
  const plan = choice && { exit: choice.exit, head: choice.head };
  return {
    budgetMs,
    plan,
    prediction: choice && predict(choice, knowledge),
    wanted: wanted && { exit: wanted.exit, head: wanted.head },
    finish: finishTimes(knowledge, plan),
  };
}

/** The least budget an optimizer can work with. */
const LEAST_MS = 0.1;

/** One-sided 95 % quantile of the normal distribution. */
const Z95 = 1.645;

function choose(
  { costs, conditions, image }: Knowledge,
  budgetMs: number,
  previous: Plan | null,
  constraints: Constraints,
): Choice | null {
  const leftMs = Math.max(budgetMs - image.ms - Z95 * image.sdMs, LEAST_MS);
  const objective = { kind: "accuracy", budgetMs: leftMs } as const;
  const problem = { costs, conditions, objective, constraints };
  return optimize(previous === null ? problem : { ...problem, previous });
}

function predict({ latency, latencySdMs, feasible }: Choice, { image }: Knowledge): Prediction {
  const sdMs = Math.hypot(latencySdMs, image.sdMs);
  return { latency, imageMs: image.ms, totalMs: latency.totalMs + image.ms, sdMs, feasible };
}

/** By exit: the whole way on the edge, less what the plan's head has done of it. */
function finishTimes({ costs, conditions }: Knowledge, plan: Plan | null): readonly Finish[] {
  return costs.map((exit): Finish => {
    const done = new Set(plan?.head ?? []);
    const rest = exit.dag.names.reduce(
      (sum, name, node) => sum + (done.has(name) ? 0 : exit.edgeMs[node]!),
      exit.edgeFixedMs,
    );
    return { exit: exit.exit, finishMs: conditions.edgeScale * rest };
  });
}

/** Times of a plan's head and tail by the profiles alone: what measured times are compared with. */
export function profiledMs(
  costs: readonly ExitCosts[],
  plan: Plan,
  conditions: Conditions,
): { readonly edgeMs: number; readonly cloudMs: number } {
  const exit = costs.find((candidate) => candidate.exit === plan.exit);
  if (exit === undefined) return { edgeMs: 0, cloudMs: 0 };
  const unscaled = { ...conditions, edgeScale: 1, cloudScale: 1 };
  return latencyOf(exit, headMembers(exit, plan.head), unscaled);
}
