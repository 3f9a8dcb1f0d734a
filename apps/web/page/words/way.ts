import type { Plan } from "#shared/model";
import type { ModelSummary } from "../../talk/edge.ts";

/** Where a plan runs, in the page's words (`TEXTS.ways`). */
export type WayKind = "split" | "all-cloud" | "early-edge" | "all-edge";

export function wayOf({ exit, head }: Plan, model: ModelSummary): WayKind {
  if (head.length <= 1) return "all-cloud";
  const needed = neededFor(exit, model);
  if (head.length < needed.length) return "split";
  return exit === model.exits.at(-1)!.id ? "all-edge" : "early-edge";
}

/** Nodes that an exit needs, in the model's order, the image included. */
export function neededFor(exit: string, { exits, nodes }: ModelSummary): readonly string[] {
  const node = exits.find(({ id }) => id === exit)?.node;
  const last = nodes.findIndex(({ name }) => name === node);
  const found = new Set([last]);
  // Topological order: everything a node needs comes before it.
  for (let at = last; at >= 0; at--) {
    if (found.has(at)) for (const from of nodes[at]!.predecessors) found.add(from);
  }
  return nodes.filter((_, at) => found.has(at)).map(({ name }) => name);
}

/** Layers of the whole model, what its last exit needs, and how many of them are among these nodes. */
export function layersOf(
  model: ModelSummary,
  nodes: readonly string[],
): { readonly done: number; readonly all: number } {
  const [, ...layers] = neededFor(model.exits.at(-1)!.id, model);
  const named = new Set(nodes);
  return { done: layers.filter((name) => named.has(name)).length, all: layers.length };
}
