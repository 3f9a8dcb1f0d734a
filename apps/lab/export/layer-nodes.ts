import type { Tensor } from "@tensorflow/tfjs-core";
import { EddiError } from "#shared/errors";
import {
  type Attr,
  boolAttr,
  type Constant,
  type GraphNode,
  intAttr,
  intsAttr,
  shapeAttr,
  typeAttr,
} from "../graph-model/node-def.ts";
import { activationNodes } from "./activations.ts";
import {
  type Chain,
  expectChannelsLast,
  type Layer,
  layerWeights,
  outputShape,
  paddingOf,
  readNorm,
} from "./layers.ts";
import { convolution, dense, FLOAT, isFused, NHWC, type NodeParts, pointwise } from "./linear-nodes.ts";

/** Writes a layer's nodes, the last of which gives its output and has its name. */
type Writer = (layer: Layer, chain: Chain, inputs: readonly string[]) => readonly GraphNode[];

const SPATIAL_AXES = [1, 2];

/** Every kind of layer that can be exported. */
const WRITERS: Readonly<Record<string, Writer>> = {
  InputLayer: single((layer) => ({
    op: "Placeholder",
    attr: { dtype: typeAttr("float32"), shape: shapeAttr([-1, ...outputShape(layer)]) },
  })),
  Conv2D: linear((layer, chain) => convolution("_FusedConv2D", "kernel", layer, chain)),
  DepthwiseConv2D: linear((layer, chain) =>
    convolution("FusedDepthwiseConv2dNative", "depthwise_kernel", layer, chain),
  ),
  SeparableConv2D: separable,
  Dense: denseOf,
  Activation: (layer, _, [input = ""]) => activationNodes(layer, layer.name, input),
  ReLU: (layer, _, [input = ""]) => activationNodes(layer, layer.name, input),
  LeakyReLU: (layer, _, [input = ""]) => activationNodes(layer, layer.name, input),
  ELU: (layer, _, [input = ""]) => activationNodes(layer, layer.name, input),
  Softmax: (layer, _, [input = ""]) => activationNodes(layer, layer.name, input),
  BatchNormalization: affine((layer) => {
    const channels = outputShape(layer).at(-1) as number;
    const { gamma, beta, mean, variance, epsilon } = readNorm(layer, channels);
    const scale = gamma.map((value, c) => value / Math.sqrt((variance[c] as number) + epsilon));
    return [scale, beta.map((value, c) => value - (mean[c] as number) * (scale[c] as number)), [channels]];
  }),
  Rescaling: affine((layer) => {
    const { scale, offset } = layer.getConfig() as Record<"scale" | "offset", number | number[]>;
    const size = Math.max([scale].flat().length, [offset].flat().length);
    const each = (value: number | number[]) =>
      Float32Array.from({ length: size }, (_, c) => [value].flat()[c] ?? [value].flat()[0] ?? 0);
    return [each(scale), each(offset), size === 1 ? [] : [size]];
  }),
  Add: pairwise("AddV2"),
  Average: average,
  Multiply: pairwise("Mul"),
  Maximum: pairwise("Maximum"),
  Minimum: pairwise("Minimum"),
  Concatenate: single((layer) => {
    const axis = Number(layer.getConfig().axis ?? -1);
    // Exported nodes count axes from the front: not every backend's concat takes -1.
    const fromFront = axis < 0 ? outputShape(layer).length + 1 + axis : axis;
    return {
      op: "ConcatV2",
      constants: [intConstant(`${layer.name}/axis`, [], [fromFront])],
      attr: {
        ...FLOAT,
        N: intAttr(layer.inboundNodes[0]?.inboundLayers.length ?? 0),
        Tidx: typeAttr("int32"),
      },
    };
  }),
  MaxPooling2D: single((layer) => pooling("MaxPool", layer)),
  AveragePooling2D: single((layer) => pooling("AvgPool", layer)),
  GlobalAveragePooling2D: single((layer) => globalPooling("Mean", layer)),
  GlobalMaxPooling2D: single((layer) => globalPooling("Max", layer)),
  ZeroPadding2D: single((layer) => {
    expectChannelsLast(layer);
    const [rows = [0, 0], columns = [0, 0]] = layer.getConfig().padding as number[][];
    return {
      op: "Pad",
      constants: [intConstant(`${layer.name}/paddings`, [4, 2], [0, 0, ...rows, ...columns, 0, 0])],
      attr: { ...FLOAT, Tpaddings: typeAttr("int32") },
    };
  }),
  Flatten: single(reshape),
  Reshape: single(reshape),
};

/** Every class of layers that `layerNodes` knows. */
export const KNOWN_LAYERS: readonly string[] = Object.keys(WRITERS);

/**
 * The nodes of one layer, with the normalisation and ReLU after it folded in; its output is the last one's.
 *
 * @param inputs names of the nodes it reads
 * @throws EddiError `bad-model` naming a layer that cannot be exported
 */
export function layerNodes(layer: Layer, chain: Chain, inputs: readonly string[]): readonly GraphNode[] {
  const kind = layer.getClassName();
  // Our training's own normalisation is exported as the one that it stands for.
  const known = kind === "FastBatchNorm" ? "BatchNormalization" : kind;
  const write = Object.hasOwn(WRITERS, known) ? WRITERS[known] : undefined;
  if (write) return write(layer, chain, inputs);
  const all = KNOWN_LAYERS.join(", ");
  throw new EddiError("bad-model", `layer ${layer.name}: expected one of ${all}, got ${kind}`);
}

/** The probabilities of an exit, from its logits. */
export function softmaxNode(name: string, logits: GraphNode): GraphNode {
  return { name, op: "Softmax", inputs: [logits.name], constants: [], attr: FLOAT, shape: logits.shape };
}

function single(parts: (layer: Layer, chain: Chain) => NodeParts): Writer {
  return (layer, chain, inputs) => [nodeOf(layer.name, outputShape(layer), inputs, parts(layer, chain))];
}

function nodeOf(
  name: string,
  shape: readonly number[],
  inputs: readonly string[],
  { op, attr, constants = [] }: NodeParts,
): GraphNode {
  return { name, op, inputs: [...inputs, ...constants.map((one) => one.name)], constants, attr, shape };
}

/** A linear layer; an activation that its node cannot have fused in follows in nodes of its own. */
function linear(parts: (layer: Layer, chain: Chain) => NodeParts): Writer {
  return (layer, chain, inputs) => {
    const shape = outputShape(layer);
    if (isFused(layer)) return [nodeOf(layer.name, shape, inputs, parts(layer, chain))];
    const product = nodeOf(`${layer.name}/linear`, shape, inputs, parts(layer, chain));
    return [product, ...activationNodes(layer, layer.name, product.name)];
  };
}

/** A product; on a feature map, whose channels it works on alone, a convolution of one pixel. */
function denseOf(layer: Layer, chain: Chain, inputs: readonly string[]): readonly GraphNode[] {
  const shape = outputShape(layer);
  if (shape.length === 1) return linear(dense)(layer, chain, inputs);
  if (shape.length === 3) return linear(pointwise)(layer, chain, inputs);
  if (shape.length !== 2) {
    throw new EddiError(
      "bad-model",
      `layer ${layer.name}: expected an output of at most 3 axes, got [${shape}]`,
    );
  }
  const [length = 0, units = 0] = shape;
  const channels = layerWeights(layer).get("kernel")?.shape[0] as number;
  const { name } = layer;
  const [wide, ...others] = linear(pointwise)(layer, chain, [`${name}/map`]);
  const map = nodeOf(
    `${name}/map`,
    [length, 1, channels],
    inputs,
    reshapeTo(`${name}/map`, [length, 1, channels]),
  );
  const inMap = [wide as GraphNode, ...others].map((node) => ({
    ...node,
    name: node.name === name ? `${name}/pixels` : node.name,
    shape: [length, 1, units],
  }));
  return [map, ...inMap, nodeOf(name, shape, [inMap.at(-1)!.name], reshapeTo(name, shape))];
}

/** A depthwise convolution without bias, then a pointwise one. */
function separable(layer: Layer, chain: Chain, inputs: readonly string[]): readonly GraphNode[] {
  const depthwise = convolution("FusedDepthwiseConv2dNative", "depthwise_kernel", layer, chain, {
    part: `${layer.name}/depthwise`,
    isBare: true,
  });
  const middle = layerWeights(layer).get("pointwise_kernel") as Tensor;
  const [height = 0, width = 0] = outputShape(layer);
  const first = nodeOf(
    `${layer.name}/depthwise`,
    [height, width, middle.shape[2] as number],
    inputs,
    depthwise,
  );
  const pointwise = linear(() =>
    convolution("_FusedConv2D", "pointwise_kernel", layer, chain, { part: layer.name, isUnit: true }),
  );
  return [first, ...pointwise(layer, chain, [first.name])];
}

/** y = x * scale + offset, per channel or throughout. */
function affine(parts: (layer: Layer) => readonly [Float32Array, Float32Array, readonly number[]]): Writer {
  return (layer, _, inputs) => {
    const { name } = layer;
    const shape = outputShape(layer);
    const axis = layer.getConfig().axis as number | undefined;
    if (axis !== undefined && axis !== -1 && axis !== shape.length) {
      throw new EddiError("bad-model", `layer ${name}: expected to normalise the last axis, got ${axis}`);
    }
    const [scale, offset, size] = parts(layer);
    const constant = (part: string, values: Float32Array): Constant[] => [
      { name: `${name}/${part}`, dtype: "float32", shape: size, values },
    ];
    const product = { op: "Mul", attr: FLOAT, constants: constant("scale", scale) };
    const sum = { op: "AddV2", attr: FLOAT, constants: constant("offset", offset) };
    const scaled = nodeOf(`${name}/scaled`, shape, inputs, product);
    return [scaled, nodeOf(name, shape, [scaled.name], sum)];
  };
}

/** An operation of two inputs for a layer of two or more. */
function pairwise(op: string): Writer {
  return (layer, _, inputs) => {
    const [first = "", ...others] = inputs;
    if (others.length === 0) {
      throw new EddiError("bad-model", `layer ${layer.name}: expected 2 inputs or more, got 1`);
    }
    const shape = outputShape(layer);
    let sum = first;
    return others.map((other, at) => {
      const name = at === others.length - 1 ? layer.name : `${layer.name}/${at + 1}`;
      const node = nodeOf(name, shape, [sum, other], { op, attr: FLOAT });
      sum = name;
      return node;
    });
  };
}

/** The sum, divided by how many there are. */
function average(layer: Layer, chain: Chain, inputs: readonly string[]): readonly GraphNode[] {
  const { name } = layer;
  const sums = pairwise("AddV2")(layer, chain, inputs).map((node) =>
    node.name === name ? { ...node, name: `${name}/sum` } : node,
  );
  const share: Constant = {
    name: `${name}/share`,
    dtype: "float32",
    shape: [],
    values: Float32Array.of(1 / inputs.length),
  };
  const parts = { op: "Mul", attr: FLOAT, constants: [share] };
  return [...sums, nodeOf(name, outputShape(layer), [`${name}/sum`], parts)];
}

function pooling(op: string, layer: Layer): NodeParts {
  expectChannelsLast(layer);
  const { poolSize, strides } = layer.getConfig() as { poolSize: number[]; strides: number[] };
  const attr: Record<string, Attr> = {
    ...FLOAT,
    ...NHWC,
    ksize: intsAttr([1, ...poolSize, 1]),
    strides: intsAttr([1, ...strides, 1]),
    padding: paddingOf(layer),
  };
  return { op, attr };
}

function globalPooling(op: string, layer: Layer): NodeParts {
  expectChannelsLast(layer);
  return {
    op,
    constants: [intConstant(`${layer.name}/axes`, [SPATIAL_AXES.length], SPATIAL_AXES)],
    attr: { ...FLOAT, Tidx: typeAttr("int32"), keep_dims: boolAttr(false) },
  };
}

function reshape(layer: Layer): NodeParts {
  return reshapeTo(layer.name, outputShape(layer));
}

/** @param shape without the batch axis */
function reshapeTo(name: string, shape: readonly number[]): NodeParts {
  return {
    op: "Reshape",
    constants: [intConstant(`${name}/shape`, [shape.length + 1], [-1, ...shape])],
    attr: { ...FLOAT, Tshape: typeAttr("int32") },
  };
}

const intConstant = (name: string, shape: readonly number[], values: readonly number[]): Constant => ({
  name,
  dtype: "int32",
  shape,
  values: Int32Array.from(values),
});
