import type { ExportGraph } from "../export/walk.ts";
import type { Constant, GraphNode } from "../graph-model/node-def.ts";
import { type ForeignGraph, pruned } from "./graph.ts";

/**
 * The graph as it is written: constants with the first node that reads them, in topological order.
 *
 * @param shapes of every node, without the batch axis
 */
export function toExportGraph(
  graph: ForeignGraph,
  shapes: ReadonlyMap<string, readonly number[]>,
): ExportGraph {
  const { nodes, constants, exits } = pruned(graph);
  const written = new Set<string>();
  return {
    nodes: nodes.map(({ name, op, inputs, attr }): GraphNode => {
      const own = [...new Set(inputs)].filter((input) => constants.has(input) && !written.has(input));
      for (const input of own) written.add(input);
      return {
        name,
        op,
        inputs,
        constants: own.map((input) => constants.get(input) as Constant),
        attr: Object.fromEntries(Object.entries(attr).filter(([key]) => !key.startsWith("_"))),
        shape: shapes.get(name) as readonly number[],
      };
    }),
    exits: exits.map(({ original: _, ...exit }) => exit),
  };
}
