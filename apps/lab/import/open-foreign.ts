import { EddiError } from "#shared/errors";
import type { Layer } from "../export/layers.ts";
import { layerNamed, readLayersModel } from "./from-layers.ts";
import type { ForeignGraph } from "./graph.ts";
import { type ModelFile, type StoredWeight, toConstant } from "./model-file.ts";
import { loadLayers, type Original, originalGraph, originalLayers } from "./original.ts";
import { readGraph } from "./read-graph.ts";
import type { Reasons } from "./reasons.ts";

/** A foreign model as a graph, and as TF.js itself runs it. */
export interface Foreign {
  readonly graph: ForeignGraph;
  /** Loads it anew; its exits are in the order of the graph's. */
  original(): Original;
  /** Nodes, or layers, of the model as it came. */
  readonly total: number;
  readonly idle: number;
}

/**
 * Reads a model of either kind.
 *
 * @param exits   names of nodes or layers whose outputs are scores; null for the model's own output
 * @param reasons gets what cannot be imported
 */
export async function openForeign(
  file: ModelFile,
  weights: readonly StoredWeight[],
  exits: readonly string[] | null,
  reasons: Reasons,
): Promise<Foreign> {
  return file.kind === "graph"
    ? openGraphModel(file, weights, exits, reasons)
    : openLayersModel(file, weights, exits, reasons);
}

function openGraphModel(
  file: ModelFile,
  weights: readonly StoredWeight[],
  exits: readonly string[] | null,
  reasons: Reasons,
): Foreign {
  const constants = new Map(weights.map((weight) => [weight.entry.name, toConstant(weight)]));
  const graph = readGraph(file.json, constants, exits, reasons);
  const input = graph.nodes[0]?.name ?? "";
  return {
    graph,
    total: graph.total,
    idle: graph.idle,
    original: () =>
      originalGraph(
        file,
        weights,
        input,
        graph.exits.map(({ original }) => original),
      ),
  };
}

async function openLayersModel(
  file: ModelFile,
  weights: readonly StoredWeight[],
  exits: readonly string[] | null,
  reasons: Reasons,
): Promise<Foreign> {
  const model = await loadLayers(file, weights);
  const graph = readLayersModel(model, exits, reasons);
  const layers = graph.exits.map(({ original }): Layer => {
    const layer = layerNamed(model, original);
    if (layer !== undefined) return layer;
    throw new EddiError("internal", `expected a layer ${original}, got none`);
  });
  return { graph, total: model.layers.length, idle: 0, original: () => originalLayers(model, layers) };
}
