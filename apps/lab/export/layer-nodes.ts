import { EddiError } from "#shared/errors";
import { activationOf, type Chain, type Layer, outputShape, paddingOf } from "./layers.ts";
import { convolution, dense, FLOAT, NHWC, type NodeParts } from "./linear-nodes.ts";
import {
  type Attr,
  boolAttr,
  type Constant,
  type GraphNode,
  intAttr,
  intsAttr,
  shapeAttr,
  typeAttr,
} from "./node-def.ts";

type Writer = (layer: Layer, chain: Chain) => NodeParts;

const SPATIAL_AXES = [1, 2];

/** Every kind of layer that can be exported. */
const WRITERS: Readonly<Record<string, Writer>> = {
  InputLayer: (layer) => ({
    op: "Placeholder",
    attr: { dtype: typeAttr("float32"), shape: shapeAttr([-1, ...outputShape(layer)]) },
  }),
  Conv2D: (layer, chain) => convolution("_FusedConv2D", "kernel", layer, chain),
  DepthwiseConv2D: (layer, chain) =>
    convolution("FusedDepthwiseConv2dNative", "depthwise_kernel", layer, chain),
  Dense: dense,
  Activation: activation,
  ReLU: activation,
  Softmax: activation,
  Add: (layer) => {
    const count = layer.inboundNodes[0]?.inboundLayers.length ?? 0;
    if (count !== 2) throw new EddiError("bad-model", `layer ${layer.name}: expected 2 inputs, got ${count}`);
    return { op: "AddV2", attr: FLOAT };
  },
  Concatenate: (layer) => {
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
  },
  MaxPooling2D: (layer) => pooling("MaxPool", layer),
  AveragePooling2D: (layer) => pooling("AvgPool", layer),
  GlobalAveragePooling2D: (layer) => ({
    op: "Mean",
    constants: [intConstant(`${layer.name}/axes`, [SPATIAL_AXES.length], SPATIAL_AXES)],
    attr: { ...FLOAT, Tidx: typeAttr("int32"), keep_dims: boolAttr(false) },
  }),
  Flatten: (layer) => ({
    op: "Reshape",
    constants: [intConstant(`${layer.name}/shape`, [2], [-1, ...outputShape(layer)])],
    attr: { ...FLOAT, Tshape: typeAttr("int32") },
  }),
};

/**
 * The node of one layer, with the normalisation and ReLU after it folded in.
 *
 * @param inputs names of the nodes it reads
 * @throws EddiError `bad-model` naming a layer that cannot be exported
 */
export function layerNode(layer: Layer, chain: Chain, inputs: readonly string[]): GraphNode {
  const kind = layer.getClassName();
  const write = Object.hasOwn(WRITERS, kind) ? WRITERS[kind] : undefined;
  if (!write) {
    const known = Object.keys(WRITERS).join(", ");
    throw new EddiError("bad-model", `layer ${layer.name}: expected one of ${known}, got ${kind}`);
  }
  const { op, attr, constants = [] } = write(layer, chain);
  return { name: layer.name, op, inputs, constants, attr, shape: outputShape(layer) };
}

/** The probabilities of an exit, from its logits. */
export function softmaxNode(name: string, logits: GraphNode): GraphNode {
  return { name, op: "Softmax", inputs: [logits.name], constants: [], attr: FLOAT, shape: logits.shape };
}

function pooling(op: string, layer: Layer): NodeParts {
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

function activation(layer: Layer): NodeParts {
  const { maxValue } = layer.getConfig();
  const name = maxValue === 6 ? "relu6" : activationOf(layer);
  const op = { relu: "Relu", relu6: "Relu6", softmax: "Softmax" }[name];
  if (!op || (maxValue != null && maxValue !== 6)) {
    throw new EddiError("bad-model", `layer ${layer.name}: expected relu, relu6 or softmax, got ${name}`);
  }
  return { op, attr: FLOAT };
}

const intConstant = (name: string, shape: readonly number[], values: readonly number[]): Constant => ({
  name,
  dtype: "int32",
  shape,
  values: Int32Array.from(values),
});
