import type { LayersModel } from "@tensorflow/tfjs-layers";
import { EddiError } from "#shared/errors";
import type { Layer } from "../export/layers.ts";
import { layerWriter } from "../export/walk.ts";
import type { Constant, GraphNode } from "../graph-model/node-def.ts";
import type { Reasons } from "../graph-model/reasons.ts";
import { type ForeignExit, type ForeignGraph, withOrderedExits } from "./graph.ts";
import { checkImageShape } from "./image-shape.ts";
import { type BuiltLayers, buildLayers, titleOf } from "./layers/build-layers.ts";
import { type FlatLayer, type FlatModel, flattenModel } from "./layers/flat-model.ts";
import type { ModelJson } from "./model-file.ts";

/** Of a layers-model: its graph, and the layers it was made from. */
export interface ReadLayers {
  readonly graph: ForeignGraph;
  /** As TF.js builds and runs it, each exit's layer an output, in the order of the graph's exits. */
  readonly model: LayersModel;
  readonly total: number;
  readonly idle: number;
}

/**
 * Converts a LayersModel: models in it taken apart, dropout and what else only trains gone. Nothing is folded yet;
 * weights stay as they are stored.
 *
 * @param stored  the weights, by their names in the file
 * @param exits   names of layers whose outputs are scores; null for the model's own output
 * @param reasons gets all that cannot be imported
 * @returns null where there are reasons
 * @throws EddiError `bad-model` for a topology that does not hang together, `bad-argument` for an unknown exit
 */
export async function readLayersModel(
  json: ModelJson,
  stored: ReadonlyMap<string, Constant>,
  exits: readonly string[] | null,
  reasons: Reasons,
): Promise<ReadLayers | null> {
  const flat = flattenModel(json.modelTopology.model_config ?? json.modelTopology);
  const named = exits ?? flat.outputs;
  if (exits === null && named.length !== 1) {
    reasons.add("outputs", `expected one, got ${named.join(", ")}; name the scores' layers with --exits`);
  }
  const wanted = named.map((called, at): ForeignExit => {
    return { id: `exit${at + 1}`, node: layerCalled(flat, called), original: called };
  });
  const layers = neededBy(
    flat,
    wanted.map(({ node }) => node),
  );
  const inputs = layers.filter(({ entry }) => entry.className === "InputLayer");
  if (inputs.length > 1) {
    reasons.add("inputs", `expected one, got ${inputs.map(({ name }) => name).join(", ")}`);
  }
  const [input] = inputs;
  if (input === undefined) reasons.add("inputs", "expected one that the scores depend on, got none");
  const image = input && checkImageShape(input.name, input.entry.inputShape, reasons);
  const order = withOrderedExits(layerGraph(layers, wanted)).exits;
  const outputs = [...new Set(order.map(({ node }) => node))];
  const built = await buildLayers(layers, outputs, stored, reasons);
  if (built === null || image === undefined) return null;

  const nodes = writeLayers(layers, built, reasons);
  if (!reasons.isEmpty) return null;
  const written = nodes.filter(({ op }) => op !== "Placeholder");
  const graph: ForeignGraph = {
    nodes: [image, ...written.map(({ name, op, inputs, attr }) => ({ name, op, inputs, attr }))],
    constants: new Map(written.flatMap(({ constants }) => constants).map((one) => [one.name, one])),
    exits: order,
  };
  return { graph, model: built.model, total: flat.total, idle: flat.idle };
}

/** @throws EddiError `bad-argument`, with what there is */
function layerCalled({ named, layers, outputs }: FlatModel, called: string): string {
  const layer = named.get(called) ?? layers.find(({ name }) => name === called)?.name;
  if (layer !== undefined) return layer;
  const all = [...new Set(named.keys())].filter((name) => !name.includes(":"));
  throw new EddiError(
    "bad-argument",
    `--exits: expected names of layers (the model's outputs are ${outputs.join(", ")}; its layers ${all.join(", ")}), got ${called}`,
  );
}

/** Layers as nodes, to put exits in order before there are any. */
function layerGraph(layers: readonly FlatLayer[], exits: readonly ForeignExit[]): ForeignGraph {
  const nodes = layers.map(({ name, entry, inputs }) => ({ name, op: entry.className, inputs, attr: {} }));
  return { nodes, constants: new Map(), exits };
}

/** The layers that some need, themselves among them, inputs before readers. */
function neededBy({ layers }: FlatModel, names: readonly string[]): readonly FlatLayer[] {
  const needed = new Set(names);
  for (const { name, inputs } of layers.toReversed())
    if (needed.has(name)) for (const input of inputs) needed.add(input);
  return layers.filter(({ name }) => needed.has(name));
}

/** All nodes of all layers. Layers that cannot be written are reasons, one for each. */
function writeLayers(
  layers: readonly FlatLayer[],
  { model, weights }: BuiltLayers,
  reasons: Reasons,
): GraphNode[] {
  const { nodes, write } = layerWriter(model, [], false);
  const broken = new Set<string>();
  for (const layer of layers) {
    if (layer.inputs.some((input) => broken.has(input))) {
      broken.add(layer.name);
      continue;
    }
    const before = nodes.length;
    try {
      write(model.getLayer(layer.name) as Layer);
      for (let at = before; at < nodes.length; at++) {
        nodes[at] = withStored(nodes[at] as GraphNode, weights.get(layer.name) ?? []);
      }
    } catch (thrown) {
      if (!(thrown instanceof EddiError)) throw thrown;
      broken.add(layer.name);
      reasons.add(titleOf(layer), thrown.message.replace(/^layer [^:]*: /, ""));
    }
  }
  return nodes;
}

/** The node with its constants stored as the file has them, where they hold the very same values. */
function withStored(node: GraphNode, weights: readonly Constant[]): GraphNode {
  const constants = node.constants.map((constant): Constant => {
    const same = weights.find(
      ({ stored, values }) =>
        stored !== undefined &&
        values.length === constant.values.length &&
        values.every((value, at) => value === constant.values[at]),
    );
    return same?.stored === undefined ? constant : { ...constant, stored: same.stored };
  });
  return { ...node, constants };
}
