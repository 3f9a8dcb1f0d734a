import { type ExitCosts, type Latency, latencyOf } from "#shared/evaluator";
import { type FlowArc, minCut } from "#shared/graph";
import type { Conditions } from "#shared/model";
import type { Constraints } from "./constraints.ts";

/** A head and its expected latency. */
export interface HeadPlan {
  /** Membership by node of the exit's DAG. */
  readonly head: readonly boolean[];
  readonly latency: Latency;
}

/**
 * The head of least expected latency for an exit, exactly.
 *
 * Everything additive is one minimum cut (after DADS, INFOCOM 2019, corrected: see `cutProblem`). Two costs
 * are not: what a remote plan pays at all (RTT, queue, result) and what a computing head pays at all. Each
 * is the same for every head but all-edge and all-cloud, so the best is the cut's head or one of these two.
 * On a tie the head with less on the network wins: all-edge, else the smallest head.
 *
 * @returns null when the constraints leave no head
 */
export function minCutPlan(
  costs: ExitCosts,
  conditions: Conditions,
  constraints: Constraints = {},
): HeadPlan | null {
  const { names } = costs.dag;
  const ready = names.map((name, node) => node === 0 || (constraints.readyNodes?.has(name) ?? true));
  const heads: (readonly boolean[])[] = [];
  if (ready.every(Boolean)) heads.push(names.map(() => true));
  if (!constraints.offline) {
    const best = cutHead(costs, conditions, ready, constraints.noRawUpload ?? false);
    if (best !== null) heads.push(best);
    if (!constraints.noRawUpload) heads.push(names.map((_, node) => node === 0));
  }
  let chosen: HeadPlan | null = null;
  for (const head of heads) {
    const latency = latencyOf(costs, head, conditions);
    if (chosen === null || latency.totalMs < chosen.latency.totalMs) chosen = { head, latency };
  }
  return chosen;
}

/**
 * The head of least additive cost, as a minimum cut between s (edge) and t (cloud).
 *
 * - `s -> v`: v's time in the cloud; `v -> t`: v's time on the edge, infinite where it cannot run.
 * - `u -> u'`: transfer of u's tensor, and `u' -> reader` infinite: it is paid once for all readers.
 * - `reader -> u` infinite: nothing flows back. Without it the cut lies whenever a later node is slower in
 *   the cloud (LITERATURE section 3).
 * - `s -> input` infinite: the image starts on the edge.
 *
 * @returns null when every cut is infinite
 */
function cutHead(
  costs: ExitCosts,
  conditions: Conditions,
  ready: readonly boolean[],
  noRawUpload: boolean,
): readonly boolean[] | null {
  const { dag, edgeMs, cloudMs, edgeCutMs, cloudCutMs, wireBytes } = costs;
  const count = dag.names.length;
  const source = 2 * count;
  const sink = source + 1;
  const twin = (node: number): number => count + node;
  const arcs: FlowArc[] = [];
  for (let node = 0; node < count; node++) {
    const inCloud = node === 0 ? Infinity : conditions.cloudScale * cloudMs[node]!;
    const onEdge = ready[node] ? conditions.edgeScale * edgeMs[node]! : Infinity;
    arcs.push({ from: source, to: node, capacity: inCloud }, { from: node, to: sink, capacity: onEdge });
    const readers = dag.successors[node]!;
    if (readers.length === 0) continue;
    const cutMs = conditions.edgeScale * edgeCutMs[node]! + conditions.cloudScale * cloudCutMs[node]!;
    const wireMs = (8000 * wireBytes[node]!) / conditions.uplinkBps;
    const transfer = node === 0 && noRawUpload ? Infinity : cutMs + wireMs;
    arcs.push({ from: node, to: twin(node), capacity: transfer });
    for (const reader of readers) {
      arcs.push({ from: twin(node), to: reader, capacity: Infinity });
      arcs.push({ from: reader, to: node, capacity: Infinity });
    }
  }
  const { value, sourceSide } = minCut(sink + 1, arcs, source, sink);
  return value === Infinity ? null : sourceSide.slice(0, count);
}
