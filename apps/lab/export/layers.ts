import type { Tensor } from "@tensorflow/tfjs-core";
import type { LayersModel, layers } from "@tensorflow/tfjs-layers";
import { EddiError } from "#shared/errors";
import { type Attr, stringAttr } from "../graph-model/node-def.ts";
import type { Norm } from "./fold.ts";

export type Layer = layers.Layer;

/** Which layer feeds which, and the linear layers that normalisation and ReLU are folded into. */
export interface LayerGraph {
  readonly inputsOf: (layer: Layer) => readonly Layer[];
  /** The linear layer of a folded normalisation or ReLU; the layer itself otherwise. */
  readonly ownerOf: (layer: Layer) => Layer;
  readonly chainOf: (layer: Layer) => Chain;
}

/** A linear layer and what is folded into it. */
export interface Chain {
  readonly norm: Layer | null;
  readonly relu: Layer | null;
}

const LINEAR = new Set(["Conv2D", "DepthwiseConv2D", "Dense"]);
const NORM = new Set(["FastBatchNorm", "BatchNormalization"]);

/**
 * @param exits layers whose outputs are asked for
 * @throws EddiError `bad-model` for a layer that is applied more than once
 */
export function readLayers(model: LayersModel, exits: readonly Layer[]): LayerGraph {
  const inputs = new Map<Layer, readonly Layer[]>();
  const readers = new Map<Layer, Layer[]>();
  for (const layer of model.layers) {
    const [applied, ...again] = layer.inboundNodes;
    if (!applied || again.length > 0) {
      throw new EddiError("bad-model", `layer ${layer.name}: expected to be applied once`);
    }
    inputs.set(layer, applied.inboundLayers);
    for (const input of applied.inboundLayers) readers.set(input, [...(readers.get(input) ?? []), layer]);
  }
  const outputs = new Set(exits);
  /** The only reader of a layer, where what lies between may vanish. */
  const soleReader = (layer: Layer): Layer | null => {
    const all = readers.get(layer) ?? [];
    return all.length === 1 && !outputs.has(layer) ? (all[0] as Layer) : null;
  };
  const chains = new Map<Layer, Chain>();
  const owners = new Map<Layer, Layer>();
  for (const layer of model.layers) {
    if (!LINEAR.has(layer.getClassName())) continue;
    const next = activationOf(layer) === "linear" ? soleReader(layer) : null;
    const norm = next && NORM.has(next.getClassName()) ? next : null;
    const after = norm ? soleReader(norm) : next;
    const relu = after && isRelu(after) ? after : null;
    chains.set(layer, { norm, relu });
    for (const folded of [norm, relu]) if (folded) owners.set(folded, layer);
  }
  return {
    inputsOf: (layer) => inputs.get(layer) as readonly Layer[],
    ownerOf: (layer) => owners.get(layer) ?? layer,
    chainOf: (layer) => chains.get(layer) ?? { norm: null, relu: null },
  };
}

/** Name of the activation that a layer applies: `linear` where it has none. */
export function activationOf(layer: Layer): string {
  const own = { ReLU: "relu", Softmax: "softmax", LeakyReLU: "leakyrelu", ELU: "elu" }[layer.getClassName()];
  if (own !== undefined) return own;
  return String(layer.getConfig().activation ?? "linear");
}

/** A layer's weights by their short names: `kernel`, `bias`, `moving_mean`. */
export function layerWeights(layer: Layer): Map<string, Tensor> {
  return new Map(
    layer.weights.map((weight) => {
      const { originalName } = weight as unknown as { originalName: string };
      return [originalName.slice(originalName.lastIndexOf("/") + 1), weight.read()];
    }),
  );
}

/** @param channels of the layer's output, for a normalisation without scale or offset */
export function readNorm(layer: Layer, channels: number): Norm {
  const weights = layerWeights(layer);
  const values = (name: string, missing: number): Float32Array => {
    const weight = weights.get(name);
    return weight ? (weight.dataSync() as Float32Array) : new Float32Array(channels).fill(missing);
  };
  return {
    gamma: values("gamma", 1),
    beta: values("beta", 0),
    mean: values("moving_mean", 0),
    variance: values("moving_variance", 1),
    epsilon: layer.getConfig().epsilon as number,
  };
}

/** Without the batch axis. */
export function outputShape(layer: Layer): number[] {
  const [, ...shape] = layer.outputShape as (number | null)[];
  if (shape.every((side): side is number => typeof side === "number")) return shape;
  throw new EddiError(
    "bad-model",
    `layer ${layer.name}: expected a known output shape, got [${shape.join(", ")}]`,
  );
}

/** @throws EddiError `bad-model` for a layer whose channels come before height and width */
export function expectChannelsLast(layer: Layer): void {
  const { dataFormat } = layer.getConfig();
  if (dataFormat == null || dataFormat === "channelsLast" || dataFormat === "channels_last") return;
  throw new EddiError("bad-model", `layer ${layer.name}: expected channelsLast, got ${dataFormat}`);
}

export const paddingOf = (layer: Layer): Attr => stringAttr(String(layer.getConfig().padding).toUpperCase());

function isRelu(layer: Layer): boolean {
  const plain = layer.getConfig().maxValue == null;
  const isActivation = ["Activation", "ReLU"].includes(layer.getClassName());
  return isActivation && plain && activationOf(layer) === "relu";
}
