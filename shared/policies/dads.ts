import { type ExitCosts, latencyOf } from "#shared/evaluator";
import type { Conditions } from "#shared/model";
import { periodMs } from "#shared/optimizer";
import { DadsGraph } from "./dads-graph.ts";
import { allEdgeHead, type Decide, type Known, lastExit, leastBy } from "./policy.ts";

/** As published, or with the faults corrected that reading it shows: see `DadsGraph` and below. */
export type Edition = "published" | "corrected";

/**
 * DADS light (Hu et al., INFOCOM 2019): the least sum of edge, transfer and cloud time, by a minimum cut. No exits, no
 * budget.
 *
 * As published there are no arcs that forbid to flow back, so a cut may be none where a later layer is slower in the
 * cloud (then what of it can run is run), and no RTT ("without network latency"). Corrected it has both, and is exact.
 * Not known: how bandwidth is smoothed (its prototype asks iperf; here it has the project's own estimate). Tensors
 * travel in the project's codecs, which it did not have.
 */
export function dadsLight(edition: Edition): Decide {
  const graphs = keepGraphs(edition);
  return (known) => {
    const costs = lastExit(known);
    return { costs, head: light(graphs(costs), costs, known.conditions, edition) };
  };
}

/**
 * DADS heavy: the least of the longest of the three stages, by light cuts under weights of the stages from a grid that
 * is refined about its best. Taken where frames come faster than the light plan sustains, as DADS switches itself.
 */
export function dadsHeavy(edition: Edition): Decide {
  const graphs = keepGraphs(edition);
  return (known) => {
    const costs = lastExit(known);
    const graph = graphs(costs);
    const head = light(graph, costs, known.conditions, edition);
    return { costs, head: keepsUp(costs, head, known) ? head : heavy(graph, costs, known.conditions) };
  };
}

function keepsUp(
  costs: ExitCosts,
  head: readonly boolean[],
  { conditions, framesPerSecond }: Known,
): boolean {
  const limitMs = framesPerSecond === null ? Number.POSITIVE_INFINITY : 1000 / framesPerSecond;
  return periodMs(latencyOf(costs, head, conditions)) <= limitMs;
}

function light(
  graph: DadsGraph,
  costs: ExitCosts,
  conditions: Conditions,
  edition: Edition,
): readonly boolean[] {
  const { edgeScale, cloudScale, uplinkBps } = conditions;
  const weights = { edge: edgeScale, msPerByte: 8000 / uplinkBps, cloud: cloudScale };
  const head = graph.closed(graph.cut(weights));
  if (edition === "published") return head;
  const heads = [allEdgeHead(costs), head];
  return leastBy(heads, (one) => latencyOf(costs, one, conditions).totalMs);
}

/** Weights of edge and cloud against the transfer's, as powers of two. */
const GRID = [-2, -1, 0, 1, 2];
const REFINEMENTS = 3;

function heavy(graph: DadsGraph, costs: ExitCosts, conditions: Conditions): readonly boolean[] {
  const { edgeScale, cloudScale, uplinkBps } = conditions;
  let best = { edge: 0, cloud: 0, head: allEdgeHead(costs), ms: Number.POSITIVE_INFINITY };
  for (let step = 2, round = 0; round < REFINEMENTS; step /= 4, round++) {
    const { edge: edgeCentre, cloud: cloudCentre } = best;
    for (const row of GRID) {
      for (const column of GRID) {
        const [edge, cloud] = [edgeCentre + step * row, cloudCentre + step * column];
        const weights = {
          edge: 2 ** edge * edgeScale,
          msPerByte: 8000 / uplinkBps,
          cloud: 2 ** cloud * cloudScale,
        };
        const head = graph.closed(graph.cut(weights));
        const ms = periodMs(latencyOf(costs, head, conditions));
        if (ms < best.ms) best = { edge, cloud, head, ms };
      }
    }
  }
  return best.head;
}

/** Networks are built once. */
function keepGraphs(edition: Edition): (costs: ExitCosts) => DadsGraph {
  const kept = new WeakMap<ExitCosts, DadsGraph>();
  return (costs) => {
    const graph = kept.get(costs) ?? new DadsGraph(costs, edition === "corrected");
    kept.set(costs, graph);
    return graph;
  };
}
