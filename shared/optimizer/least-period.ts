import { type ExitCosts, type Latency, latencyOf } from "#shared/evaluator";
import type { Conditions } from "#shared/model";
import type { Constraints } from "./constraints.ts";
import { efficientHeads } from "./head-points.ts";
import { type HeadPlan, MinCutPlanner } from "./min-cut-plan.ts";

/** A head for frames that follow one another: edge, uplink and cloud each work on another one. */
export interface PeriodPlan extends HeadPlan {
  /** Time of the longest stage: frames can follow one another this fast. */
  readonly periodMs: number;
  /** No head has a shorter period; equal to it when this one is proven best. */
  readonly lowerBoundMs: number;
}

/** The longest of the stages that work at the same time. */
export function periodMs({ edgeMs, uplinkMs, cloudMs }: Latency): number {
  return Math.max(edgeMs, uplinkMs, cloudMs);
}

/** Periods are alike to so much, relatively: then the shorter latency decides. */
const ALIKE = 1e-9;

/**
 * The head of least period, ties to the lower latency.
 *
 * Exact while the heads can be listed. Beyond that the best head found, with a lower bound: for any weights of
 * the stages that sum to 1 the longest stage is at least the weighted sum, whose least value a minimum cut
 * finds. The weights go to where they raise the bound (multiplicative weights, Freund and Schapire 1999), and
 * every cut on the way is a candidate.
 *
 * @param limit so many heads are listed at most; see `MAX_HEADS`
 * @returns null when the constraints leave no head
 */
export function leastPeriod(
  costs: ExitCosts,
  conditions: Conditions,
  constraints: Constraints = {},
  limit?: number,
): PeriodPlan | null {
  const points = efficientHeads(costs, { constraints, ...(limit === undefined ? {} : { limit }) });
  if (points === null) return boundedPeriod(costs, conditions, constraints);
  let best: HeadPlan | null = null;
  for (const member of points.heads) {
    best = better(best, costs, [...member].map(Boolean), conditions);
  }
  if (best === null) return null;
  const ms = periodMs(best.latency);
  return { ...best, periodMs: ms, lowerBoundMs: ms };
}

/** Steps of the weights; the bound gains little after some dozens. */
const STEPS = 100;

function boundedPeriod(
  costs: ExitCosts,
  conditions: Conditions,
  constraints: Constraints,
): PeriodPlan | null {
  const planner = new MinCutPlanner(costs, constraints);
  let best: HeadPlan | null = null;
  let lowerBoundMs = 0;
  let weights: readonly number[] = [1 / 3, 1 / 3, 1 / 3];
  for (let step = 0; step < STEPS; step++) {
    const [edge, uplink, cloud] = weights as [number, number, number];
    const plan = planner.plan({
      ...conditions,
      rttMs: 0,
      queueMs: 0,
      downlinkBps: Infinity,
      edgeScale: edge * conditions.edgeScale,
      uplinkBps: conditions.uplinkBps / uplink,
      cloudScale: cloud * conditions.cloudScale,
    });
    if (plan === null) return null;
    lowerBoundMs = Math.max(lowerBoundMs, plan.latency.totalMs);
    best = better(best, costs, plan.head, conditions);
    const { edgeMs, uplinkMs, cloudMs } = latencyOf(costs, plan.head, conditions);
    const longest = Math.max(edgeMs, uplinkMs, cloudMs, Number.MIN_VALUE);
    const rate = 1 / Math.sqrt(1 + step);
    const grown = [edgeMs, uplinkMs, cloudMs].map((ms, at) => weights[at]! * Math.exp((rate * ms) / longest));
    const sum = grown.reduce((total, weight) => total + weight, 0);
    weights = grown.map((weight) => weight / sum);
  }
  return best && { ...best, periodMs: periodMs(best.latency), lowerBoundMs };
}

function better(
  best: HeadPlan | null,
  costs: ExitCosts,
  head: readonly boolean[],
  conditions: Conditions,
): HeadPlan {
  const latency = latencyOf(costs, head, conditions);
  if (best === null) return { head, latency };
  const [mine, other] = [periodMs(latency), periodMs(best.latency)];
  const isAlike = Math.abs(mine - other) <= ALIKE * other;
  const isBetter = isAlike ? latency.totalMs < best.latency.totalMs : mine < other;
  return isBetter ? { head, latency } : best;
}
