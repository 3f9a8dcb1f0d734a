import type { Reasons } from "../graph-model/reasons.ts";
import { readLayersModel } from "./from-layers.ts";
import type { ForeignGraph } from "./graph.ts";
import { inputSides, withChannelAxis } from "./image-shape.ts";
import { type ModelFile, type StoredWeight, toConstant } from "./model-file.ts";
import { type Original, originalGraph, originalLayers } from "./original.ts";
import { readGraph } from "./read-graph.ts";

/** A foreign model as a graph, and as TF.js itself runs it. */
export interface Foreign {
  readonly graph: ForeignGraph;
  /** Loads it anew; its exits are in the order of the graph's. */
  original(): Promise<Original>;
  /** Nodes, or layers, of the model as it came. */
  readonly total: number;
  readonly idle: number;
}

/**
 * Reads a model of either kind.
 *
 * @param exits   names of nodes or layers whose outputs are scores; null for the model's own output
 * @param reasons gets what cannot be imported
 * @returns null where there are reasons
 */
export async function openForeign(
  file: ModelFile,
  weights: readonly StoredWeight[],
  exits: readonly string[] | null,
  reasons: Reasons,
): Promise<Foreign | null> {
  const constants = new Map(weights.map((weight) => [weight.entry.name, toConstant(weight)]));
  if (file.kind === "graph") {
    const graph = readGraph(file.json, constants, exits, reasons);
    if (!reasons.isEmpty) return null;
    const ends = { ...endsOf(graph), outputs: graph.exits.map(({ original }) => original) };
    const { total, idle } = graph;
    return {
      graph: withChannelAxis(graph),
      total,
      idle,
      original: async () => originalGraph(file, weights, ends),
    };
  }
  const read = await readLayersModel(file.json, constants, exits, reasons);
  if (read === null || !reasons.isEmpty) return null;
  const { graph, model, total, idle } = read;
  const outputs = exits && graph.exits.map(({ original }) => original);
  return {
    graph: withChannelAxis(graph),
    total,
    idle,
    original: () => originalLayers(file, weights, model, { ...endsOf(graph), outputs }),
  };
}

function endsOf({ nodes: [image] }: ForeignGraph): {
  readonly input: string;
  readonly shape: readonly number[];
} {
  return { input: image?.name ?? "", shape: inputSides(image) };
}
