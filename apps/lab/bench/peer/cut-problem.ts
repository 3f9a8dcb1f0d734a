import type { ExitCosts } from "#shared/evaluator";
import type { Conditions } from "#shared/model";

/** A plan of least latency as anybody would put it to a library: one minimum cut of the whole DAG. */
export interface CutProblem {
  readonly vertices: number;
  /** Vertices of every pair: `[from, to, from, to, ...]`. */
  readonly pairs: readonly number[];
  readonly fromSource: readonly number[];
  readonly toSink: readonly number[];
  /** By pair: there, and back. */
  readonly capacity: readonly number[];
}

/**
 * Without what remote plans or computing heads pay once, which no cut has: costs and conditions are to have none of it.
 * Vertex v is node v + 1, on the source's side where the edge runs it; every tensor has a vertex of its own behind them,
 * which its readers hang on, so that it is paid once.
 */
export function cutProblem(costs: ExitCosts, conditions: Conditions): CutProblem {
  const { dag, edgeMs, cloudMs, wireBytes, edgeCutMs, cloudCutMs } = costs;
  const { edgeScale, cloudScale, uplinkBps } = conditions;
  const count = dag.names.length;
  const pairs: number[] = [];
  const capacity: number[] = [];
  const fromSource = dag.names.slice(1).map((_, at) => cloudScale * cloudMs[at + 1]!);
  const toSink = dag.names.slice(1).map((_, at) => edgeScale * edgeMs[at + 1]!);
  for (let node = 0; node + 1 < count; node++) {
    const ends = edgeScale * edgeCutMs[node]! + cloudScale * cloudCutMs[node]!;
    const transferMs = ends + (8000 * wireBytes[node]!) / uplinkBps;
    const tensor = fromSource.length;
    fromSource.push(node === 0 ? transferMs : 0);
    toSink.push(0);
    if (node > 0) {
      pairs.push(node - 1, tensor);
      capacity.push(transferMs, 0);
    }
    for (const reader of dag.successors[node]!) {
      pairs.push(tensor, reader - 1);
      capacity.push(Infinity, 0);
      if (node === 0) continue;
      // Nothing flows back.
      pairs.push(reader - 1, node - 1);
      capacity.push(Infinity, 0);
    }
  }
  return { vertices: fromSource.length, pairs, fromSource, toSink, capacity };
}
