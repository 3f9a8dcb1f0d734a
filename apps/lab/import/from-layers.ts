import type { LayersModel } from "@tensorflow/tfjs-layers";
import { EddiError } from "#shared/errors";
import type { Layer } from "../export/layers.ts";
import { layerWriter } from "../export/walk.ts";
import type { Constant } from "../graph-model/node-def.ts";
import { type ForeignExit, type ForeignGraph, withOrderedExits } from "./graph.ts";
import { checkImageShape } from "./image-shape.ts";
import type { Reasons } from "./reasons.ts";

/**
 * Converts a LayersModel: normalisations folded, bias and ReLU fused, dropout gone.
 *
 * @param exits   names of layers whose outputs are scores; null for the model's own output
 * @param reasons gets what cannot be imported
 * @throws EddiError `bad-model` naming a layer that cannot be converted, `bad-argument` for an unknown exit
 */
export function readLayersModel(
  model: LayersModel,
  exits: readonly string[] | null,
  reasons: Reasons,
): ForeignGraph {
  const known = model.layers.map(({ name }) => name);
  const named = exits ?? model.outputLayers.map(({ name }) => name);
  if (exits === null && named.length !== 1) {
    reasons.add(
      "outputs",
      `expected one, got ${named.join(", ")}; name the classifiers' layers with --exits`,
    );
  }
  const exitLayers = named.map((name): Layer => {
    const layer = layerNamed(model, name);
    if (layer !== undefined) return layer;
    throw new EddiError(
      "bad-argument",
      `--exits: expected names of layers, ${known.join(", ")}, got ${name}`,
    );
  });
  const inputs = model.inputLayers.map(({ name }) => name);
  if (inputs.length > 1) reasons.add("inputs", `expected one, got ${inputs.join(", ")}`);
  const { batchInputShape } = model.inputLayers[0] as unknown as { batchInputShape: (number | null)[] };
  const image = checkImageShape(inputs[0] as string, batchInputShape, reasons);
  reasons.check(model.name);

  const { nodes, write } = layerWriter(model, exitLayers);
  const wanted = exitLayers.map((layer, at): ForeignExit => {
    return { id: `exit${at + 1}`, node: write(layer).name, original: layer.name };
  });
  const constants = new Map(
    nodes.flatMap((node) => node.constants.map((constant): [string, Constant] => [constant.name, constant])),
  );
  const others = nodes.filter(({ op }) => op !== "Placeholder");
  return withOrderedExits({
    nodes: [image, ...others.map(({ name, op, inputs, attr }) => ({ name, op, inputs, attr }))],
    constants,
    exits: wanted,
  });
}

export function layerNamed(model: LayersModel, name: string): Layer | undefined {
  return model.layers.find((layer) => layer.name === name);
}
