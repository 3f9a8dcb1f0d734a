import type { Network } from "../train/architectures/index.ts";
import { layerNode, softmaxNode } from "./layer-nodes.ts";
import { type Layer, readLayers } from "./layers.ts";
import type { GraphNode } from "./node-def.ts";

export interface ExportGraph {
  /** Topological; each exit's branch stands right after the node where it leaves the trunk. */
  readonly nodes: readonly GraphNode[];
  /** Earliest first. */
  readonly exits: readonly { readonly id: string; readonly node: string }[];
}

/**
 * The graph of a trained network for inference: normalisations folded, bias and ReLU fused, dropout
 * gone, a softmax at every exit.
 *
 * @param network built with a known input size
 * @throws EddiError `bad-model` naming a layer that cannot be exported
 */
export function walk(network: Network): ExportGraph {
  const { inputsOf, ownerOf, chainOf } = readLayers(network.model);
  const written = new Map<Layer, GraphNode>();

  const write = (asked: Layer): GraphNode => {
    const layer = ownerOf(asked);
    if (layer.getClassName() === "Dropout") return write(inputsOf(layer)[0] as Layer);
    const known = written.get(layer);
    if (known) return known;
    const inputs = inputsOf(layer).map((input) => write(input).name);
    const node = layerNode(layer, chainOf(layer), inputs);
    written.set(layer, node);
    nodes.push(node);
    return node;
  };

  // Exits in order, inputs before readers: what a later exit adds comes after the earlier branch.
  const nodes: GraphNode[] = [];
  const exits = network.model.outputLayers.map((layer, i) => {
    const id = network.exitIds[i] as string;
    const scores = softmaxNode(`${id}/scores`, write(layer));
    nodes.push(scores);
    return { id, node: scores.name };
  });
  return { nodes, exits };
}
