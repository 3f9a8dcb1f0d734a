import { EddiError } from "#shared/errors";
import { foldNorm } from "./fold.ts";
import {
  activationOf,
  type Chain,
  type Layer,
  layerWeights,
  outputShape,
  paddingOf,
  readNorm,
} from "./layers.ts";
import {
  type Attr,
  boolAttr,
  type Constant,
  intAttr,
  intsAttr,
  stringAttr,
  stringsAttr,
  typeAttr,
} from "./node-def.ts";

/** What a layer becomes: the rest of its node follows from its name and shape. */
export interface NodeParts {
  readonly op: string;
  readonly attr: Readonly<Record<string, Attr>>;
  readonly constants?: readonly Constant[];
}

export const FLOAT = { T: typeAttr("float32") };
export const NHWC = { data_format: stringAttr("NHWC") };

/** A convolution with bias and ReLU fused in, `_FusedConv2D` or its depthwise sibling. */
export function convolution(op: string, kernel: string, layer: Layer, chain: Chain): NodeParts {
  const { strides, dilationRate } = layer.getConfig() as {
    strides: number[];
    dilationRate?: number | number[];
  };
  const dilations = [dilationRate ?? 1].flat();
  const [down = 1, across = down] = dilations;
  return {
    op,
    constants: linearConstants(layer, kernel, chain),
    attr: {
      ...FLOAT,
      ...NHWC,
      ...fusion(layer, chain),
      strides: intsAttr([1, ...strides, 1]),
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
    constants: linearConstants(layer, "kernel", chain),
    attr: { ...FLOAT, ...fusion(layer, chain), transpose_a: boolAttr(false), transpose_b: boolAttr(false) },
  };
}

/** What follows the product within the fused node: always a bias, then perhaps ReLU. */
function fusion(layer: Layer, { relu }: Chain): Record<string, Attr> {
  const own = activationOf(layer);
  const after = { linear: relu ? ["Relu"] : [], relu: ["Relu"], relu6: ["Relu6"] }[own];
  if (!after) {
    throw new EddiError(
      "bad-model",
      `layer ${layer.name}: expected activation linear, relu or relu6, got ${own}`,
    );
  }
  return { fused_ops: stringsAttr(["BiasAdd", ...after]), num_args: intAttr(1), epsilon: { f: 0 } };
}

function linearConstants(layer: Layer, kernelName: string, { norm }: Chain): Constant[] {
  const weights = layerWeights(layer);
  const kernel = weights.get(kernelName);
  if (!kernel)
    throw new EddiError("bad-model", `layer ${layer.name}: expected a weight ${kernelName}, got none`);
  const channels = outputShape(layer).at(-1) as number;
  const linear = {
    kernel: kernel.dataSync() as Float32Array,
    bias: (weights.get("bias")?.dataSync() as Float32Array | undefined) ?? new Float32Array(channels),
  };
  const folded = norm ? foldNorm(linear, readNorm(norm, channels)) : linear;
  const { name } = layer;
  return [
    { name: `${name}/kernel`, dtype: "float32", shape: kernel.shape, values: folded.kernel },
    { name: `${name}/bias`, dtype: "float32", shape: [channels], values: folded.bias },
  ];
}
