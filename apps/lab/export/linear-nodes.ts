import { EddiError } from "#shared/errors";
import {
  type Attr,
  boolAttr,
  type Constant,
  intAttr,
  intsAttr,
  stringAttr,
  stringsAttr,
  typeAttr,
} from "../graph-model/node-def.ts";
import { foldNorm } from "./fold.ts";
import {
  activationOf,
  type Chain,
  expectChannelsLast,
  type Layer,
  layerWeights,
  outputShape,
  paddingOf,
  readNorm,
} from "./layers.ts";

/** What a layer becomes: the rest of its node follows from its name and shape. */
export interface NodeParts {
  readonly op: string;
  readonly attr: Readonly<Record<string, Attr>>;
  readonly constants?: readonly Constant[];
}

export const FLOAT = { T: typeAttr("float32") };
export const NHWC = { data_format: stringAttr("NHWC") };

/** Of a layer that becomes several nodes. */
interface Part {
  /** Name of this node. */
  readonly part: string;
  /** Without the layer's bias, and with nothing fused in. */
  readonly isBare?: boolean;
  /** Every position by itself: strides and dilations are another part's. */
  readonly isUnit?: boolean;
}

/** A convolution with bias and ReLU fused in, `_FusedConv2D` or its depthwise sibling. */
export function convolution(
  op: string,
  kernel: string,
  layer: Layer,
  chain: Chain,
  { part, isBare = false, isUnit = false }: Part = { part: layer.name },
): NodeParts {
  expectChannelsLast(layer);
  const { strides, dilationRate } = layer.getConfig() as {
    strides: number[];
    dilationRate?: number | number[];
  };
  const dilations = [isUnit ? 1 : (dilationRate ?? 1)].flat();
  const [down = 1, across = down] = dilations;
  return {
    op,
    constants: linearConstants(layer, kernel, chain, part, isBare),
    attr: {
      ...FLOAT,
      ...NHWC,
      ...(isBare ? BIAS_ONLY : fusion(layer, chain)),
      strides: intsAttr(isUnit ? [1, 1, 1, 1] : [1, ...strides, 1]),
      padding: paddingOf(layer),
      dilations: intsAttr([1, down, across, 1]),
      explicit_paddings: { list: {} },
    },
  };
}

/** A dense layer with bias and ReLU fused in. */
export function dense(layer: Layer, chain: Chain): NodeParts {
  return {
    op: "_FusedMatMul",
    constants: linearConstants(layer, "kernel", chain, layer.name, false),
    attr: { ...FLOAT, ...fusion(layer, chain), transpose_a: boolAttr(false), transpose_b: boolAttr(false) },
  };
}

/** A dense layer on every pixel of a feature map. */
export function pointwise(layer: Layer, chain: Chain): NodeParts {
  const { constants = [], attr } = dense(layer, chain);
  const [kernel, ...others] = constants;
  const wide = kernel === undefined ? [] : [{ ...kernel, shape: [1, 1, ...kernel.shape] }];
  const { T, fused_ops, num_args, epsilon } = attr as Record<
    "T" | "fused_ops" | "num_args" | "epsilon",
    Attr
  >;
  return {
    op: "_FusedConv2D",
    constants: [...wide, ...others],
    attr: {
      T,
      ...NHWC,
      fused_ops,
      num_args,
      epsilon,
      strides: intsAttr([1, 1, 1, 1]),
      padding: stringAttr("VALID"),
      dilations: intsAttr([1, 1, 1, 1]),
      explicit_paddings: { list: {} },
    },
  };
}

/** What follows the product within the fused node: always a bias, then perhaps ReLU. */
function fusion(layer: Layer, { relu }: Chain): Record<string, Attr> {
  const after = FUSED[activationOf(layer)] ?? [];
  return { ...BIAS_ONLY, fused_ops: stringsAttr(["BiasAdd", ...(relu ? ["Relu"] : after)]) };
}

/** Whether a linear layer's own activation can be part of its node. */
export const isFused = (layer: Layer): boolean => FUSED[activationOf(layer)] !== undefined;

const FUSED: Readonly<Record<string, readonly string[]>> = { linear: [], relu: ["Relu"], relu6: ["Relu6"] };
export const BIAS_ONLY = { fused_ops: stringsAttr(["BiasAdd"]), num_args: intAttr(1), epsilon: { f: 0 } };

function linearConstants(
  layer: Layer,
  kernelName: string,
  { norm }: Chain,
  part: string,
  isBare: boolean,
): Constant[] {
  const weights = layerWeights(layer);
  const kernel = weights.get(kernelName);
  if (!kernel)
    throw new EddiError("bad-model", `layer ${layer.name}: expected a weight ${kernelName}, got none`);
  const { shape } = kernel;
  const channels = isBare ? shape[2]! * shape[3]! : (outputShape(layer).at(-1) as number);
  const own = isBare ? undefined : (weights.get("bias")?.dataSync() as Float32Array | undefined);
  const linear = {
    kernel: kernel.dataSync() as Float32Array,
    bias: own ?? new Float32Array(channels),
  };
  const folded = norm ? foldNorm(linear, readNorm(norm, channels)) : linear;
  return [
    { name: `${part}/kernel`, dtype: "float32", shape, values: folded.kernel },
    { name: `${part}/bias`, dtype: "float32", shape: [channels], values: folded.bias },
  ];
}
