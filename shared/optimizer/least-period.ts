import { type ExitCosts, type Latency, latencyOf } from "#shared/evaluator";
import type { Conditions } from "#shared/model";
import type { Constraints } from "./constraints.ts";
import { forEachHead } from "./head-points.ts";
import { type HeadPlan, MinCutPlanner } from "./min-cut-plan.ts";
import { shortenPeriod } from "./period-search.ts";

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
 * every cut on the way is a candidate; between them `shortenPeriod` looks for heads that no weighted sum finds.
 *
 * @param limit so many heads are looked at at most; see `MAX_HEADS`
 * @returns null when the constraints leave no head
 */
export function leastPeriod(
  costs: ExitCosts,
  conditions: Conditions,
  constraints: Constraints = {},
  limit?: number,
): PeriodPlan | null {
  const { edgeScale, cloudScale, uplinkBps, downlinkBps, rttMs, queueMs } = conditions;
  const onceMs = rttMs + queueMs + (8000 * costs.resultBytes) / downlinkBps;
  const best = new Uint8Array(costs.dag.names.length);
  let [leastMs, totalMs] = [Infinity, Infinity];
  const query = { constraints, ...(limit === undefined ? {} : { limit }) };
  const isWhole = forEachHead(costs, query, (member, edge, cloud, bytes, remote) => {
    const [edgeMs, uplinkMs, cloudMs] = [edgeScale * edge, (8000 * bytes) / uplinkBps, cloudScale * cloud];
    const ms = Math.max(edgeMs, uplinkMs, cloudMs);
    const sum = edgeMs + uplinkMs + cloudMs + (remote === 1 ? onceMs : 0);
    const isAlike = leastMs < Infinity && Math.abs(ms - leastMs) <= ALIKE * leastMs;
    if (isAlike ? sum >= totalMs : ms >= leastMs) return;
    [leastMs, totalMs] = [ms, sum];
    best.set(member);
  });
  if (!isWhole) return boundedPeriod(costs, conditions, constraints);
  if (leastMs === Infinity) return null;
  const plan = planOf(costs, Array.from(best, Boolean), conditions);
  return { ...plan, periodMs: periodMs(plan.latency), lowerBoundMs: periodMs(plan.latency) };
}

/** Steps of the weights; the bound gains little after some dozens. */
const STEPS = 100;

function boundedPeriod(
  costs: ExitCosts,
  conditions: Conditions,
  constraints: Constraints,
): PeriodPlan | null {
  const planner = new MinCutPlanner(costs, constraints);
  let best = new MinCutPlanner(costs, { ...constraints, offline: true }).plan(conditions);
  let lowerBoundMs = 0;
  const cuts: (readonly boolean[])[] = [];
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
    if (plan === null) return best && { ...best, periodMs: periodMs(best.latency), lowerBoundMs: 0 };
    lowerBoundMs = Math.max(lowerBoundMs, plan.latency.totalMs);
    cuts.push(plan.head);
    best = better(best, planOf(costs, plan.head, conditions));
    const { edgeMs, uplinkMs, cloudMs } = latencyOf(costs, plan.head, conditions);
    const longest = Math.max(edgeMs, uplinkMs, cloudMs, Number.MIN_VALUE);
    const rate = 1 / Math.sqrt(1 + step);
    const grown = [edgeMs, uplinkMs, cloudMs].map((ms, at) => weights[at]! * Math.exp((rate * ms) / longest));
    const sum = grown.reduce((total, weight) => total + weight, 0);
    weights = grown.map((weight) => weight / sum);
  }
  if (best === null) return null;
  // From the shortest on, each once.
  const starts = [...new Map(cuts.map((head) => [headKey(head), head])).values()]
    .map((head) => planOf(costs, head, conditions))
    .sort((a, b) => periodMs(a.latency) - periodMs(b.latency))
    .map(({ head }) => head);
  const shortened = shortenPeriod(costs, conditions, constraints, starts, lowerBoundMs);
  best = better(best, planOf(costs, shortened, conditions));
  return { ...best, periodMs: periodMs(best.latency), lowerBoundMs };
}

function headKey(head: readonly boolean[]): string {
  return head.map(Number).join("");
}

function planOf(costs: ExitCosts, head: readonly boolean[], conditions: Conditions): HeadPlan {
  return { head, latency: latencyOf(costs, head, conditions) };
}

function better(best: HeadPlan | null, other: HeadPlan): HeadPlan {
  if (best === null) return other;
  const [mine, its] = [periodMs(other.latency), periodMs(best.latency)];
  const isAlike = Math.abs(mine - its) <= ALIKE * its;
  return (isAlike ? other.latency.totalMs < best.latency.totalMs : mine < its) ? other : best;
}
