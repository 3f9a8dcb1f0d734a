import type { LayersModel } from "@tensorflow/tfjs-layers";
import type { Exit } from "#shared/model";
import type { GraphNode } from "../graph-model/node-def.ts";
import type { Network } from "../train/architectures/index.ts";
import { layerNodes, softmaxNode } from "./layer-nodes.ts";
import { activationOf, type Layer, readLayers } from "./layers.ts";

export interface ExportGraph {
  /** Topological; each exit's branch stands right after the node where it leaves the trunk. */
  readonly nodes: readonly GraphNode[];
  /** Earliest first. */
  readonly exits: readonly Pick<Exit, "id" | "node" | "output">[];
}

/**
 * The graph of a trained network for inference: normalisations folded, bias and ReLU fused, dropout
 * gone, a softmax at every exit.
 *
 * @param network built with a known input size
 * @throws EddiError `bad-model` naming a layer that cannot be exported
 */
export function walk(network: Network): ExportGraph {
  const { nodes, write } = layerWriter(network.answers, network.answers.outputLayers);
  // Exits in order, inputs before readers: what a later exit adds comes after the earlier branch.
  const exits = network.answers.outputLayers.map((layer, i) => {
    const id = network.exitIds[i] as string;
    const scores = softmaxNode(`${id}/scores`, write(layer));
    nodes.push(scores);
    return { id, node: scores.name };
  });
  return { nodes, exits };
}

/** Layers that do nothing at inference, but hand on their first input. */
const TRAINING_ONLY = new Set([
  "Dropout",
  "SpatialDropout1D",
  "SpatialDropout2D",
  "GaussianDropout",
  "GaussianNoise",
  "AlphaDropout",
  "Detour",
]);

const isIdle = (layer: Layer): boolean =>
  TRAINING_ONLY.has(layer.getClassName()) ||
  (layer.getClassName() === "Activation" && activationOf(layer) === "linear");

export interface LayerWriter {
  /** What was written so far: inputs before readers. */
  readonly nodes: GraphNode[];
  /** Writes a layer and all that it needs, once. @returns the node of its output */
  write(layer: Layer): GraphNode;
}

/**
 * @param exits layers whose own outputs are wanted: nothing is folded across them
 * @param folds whether normalisations and ReLU go into the layers before them
 */
export function layerWriter(model: LayersModel, exits: readonly Layer[], folds = true): LayerWriter {
  const { inputsOf, ownerOf, chainOf } = readLayers(model, folds ? exits : model.layers);
  const written = new Map<Layer, GraphNode>();
  const nodes: GraphNode[] = [];
  const write = (asked: Layer): GraphNode => {
    const layer = ownerOf(asked);
    if (isIdle(layer)) return write(inputsOf(layer)[0] as Layer);
    const known = written.get(layer);
    if (known) return known;
    const inputs = inputsOf(layer).map((input) => write(input).name);
    const own = layerNodes(layer, chainOf(layer), inputs);
    const output = own.at(-1) as GraphNode;
    written.set(layer, output);
    nodes.push(...own);
    return output;
  };
  return { nodes, write };
}
