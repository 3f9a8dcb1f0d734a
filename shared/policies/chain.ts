import type { ExitCosts } from "#shared/evaluator";
import { cutVertices } from "#shared/graph";

/**
 * The heads that end at a cut vertex, from the image alone to all-edge: what systems choose from that know chains of
 * layers only. A DAG in topological order is cut where one tensor crosses.
 */
export function chainHeads(costs: ExitCosts): readonly (readonly boolean[])[] {
  const known = kept.get(costs);
  if (known !== undefined) return known;
  const { dag } = costs;
  const heads = cutVertices(dag).map((vertex) => dag.names.map((_, node) => node <= vertex));
  kept.set(costs, heads);
  return heads;
}

const kept = new WeakMap<ExitCosts, readonly (readonly boolean[])[]>();
