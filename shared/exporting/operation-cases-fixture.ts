import type { Model, Segment } from "#shared/model";
import { SegmentModel, type TensorValues } from "#shared/runtime";
import { type Given, integers, type SmallNode, smallModel, text, texts } from "./small-model-fixture.ts";

export const IMAGE = [4, 6, 3];
/** Behind which every operation is tried: maps that a convolution left, and a row of numbers. */
const BEFORE: readonly SmallNode[] = [
  {
    name: "maps",
    op: "Conv2D",
    inputs: ["image", "maps/kernel"],
    attr: { ...window("SAME"), dilations: integers(1, 1, 1, 1) },
  },
  { name: "row", op: "Mean", inputs: ["image", "row/axes"], attr: { keep_dims: { b: false } } },
];
const CONSTANTS: Readonly<Record<string, Given>> = {
  "maps/kernel": { random: [3, 3, 3, 4] },
  "row/axes": { int32: [1, 2] },
};

export interface Case {
  readonly op: string;
  readonly inputs?: readonly string[];
  readonly attr?: Readonly<Record<string, unknown>>;
  readonly constants?: Readonly<Record<string, Given>>;
}

export function window(padding: string, stride = 1) {
  return { strides: integers(1, stride, stride, 1), padding: text(padding), data_format: text("NHWC") };
}
export const dilated = (by: number) => ({ dilations: integers(1, by, by, 1) });
export const fused = (...ops: string[]) => ({
  fused_ops: texts(...ops),
  num_args: { i: String(ops.length > 1 && ops[1] === "Prelu" ? 2 : 1) },
});
export const kernel = (...shape: number[]): Readonly<Record<string, Given>> => ({
  kernel: { random: shape },
  bias: { random: [shape.length === 4 ? shape[3]! : shape[1]!] },
});
export const CONV = ["maps", "kernel", "bias"];

/** Each operation, and what it may be told. */
export const CASES: readonly Case[] = [
  {
    op: "Conv2D",
    inputs: ["maps", "kernel"],
    attr: { ...window("VALID", 2), ...dilated(1) },
    constants: kernel(3, 2, 4, 5),
  },
  {
    op: "Conv2D",
    inputs: ["maps", "kernel"],
    attr: { ...window("SAME"), ...dilated(2) },
    constants: kernel(3, 3, 4, 5),
  },
  {
    op: "Conv2D",
    inputs: ["maps", "kernel"],
    attr: { ...window("EXPLICIT"), ...dilated(1), explicit_paddings: integers(0, 0, 1, 2, 0, 1, 0, 0) },
    constants: kernel(3, 3, 4, 5),
  },
  ...["Relu", "Relu6", "Elu", "Sigmoid", "LeakyRelu"].map(
    (name): Case => ({
      op: "_FusedConv2D",
      inputs: CONV,
      attr: { ...window("SAME", 2), ...dilated(1), ...fused("BiasAdd", name) },
      constants: kernel(3, 3, 4, 5),
    }),
  ),
  {
    op: "_FusedConv2D",
    inputs: [...CONV, "slope"],
    attr: { ...window("SAME"), ...dilated(1), ...fused("BiasAdd", "Prelu") },
    constants: { ...kernel(1, 1, 4, 5), slope: { random: [1, 1, 5] } },
  },
  {
    op: "DepthwiseConv2dNative",
    inputs: ["maps", "kernel"],
    attr: { ...window("SAME", 2), ...dilated(1) },
    constants: kernel(3, 3, 4, 2),
  },
  {
    op: "FusedDepthwiseConv2dNative",
    inputs: CONV,
    attr: { ...window("SAME"), ...dilated(1), ...fused("BiasAdd", "Relu6") },
    constants: { kernel: { random: [3, 3, 4, 1] }, bias: { random: [4] } },
  },
  { op: "MatMul", inputs: ["row", "kernel"], constants: kernel(3, 5) },
  { op: "MatMul", inputs: ["row", "kernel"], attr: { transpose_b: { b: true } }, constants: kernel(5, 3) },
  {
    op: "_FusedMatMul",
    inputs: ["row", "kernel", "bias"],
    attr: fused("BiasAdd", "Relu"),
    constants: kernel(3, 5),
  },
  ...["SAME", "VALID"].flatMap((padding) =>
    ["MaxPool", "AvgPool"].map(
      (op): Case => ({ op, attr: { ...window(padding, 2), ksize: integers(1, 3, 3, 1) } }),
    ),
  ),
  ...["Mean", "Max", "Min", "Sum"].flatMap((op) =>
    [[1, 2], [3], [-1, 1]].flatMap((axes) =>
      [true, false].map(
        (b): Case => ({
          op,
          inputs: ["maps", "axes"],
          attr: { keep_dims: { b } },
          constants: { axes: { int32: axes } },
        }),
      ),
    ),
  ),
  ...["Add", "AddV2", "Sub", "Mul", "Div", "RealDiv", "Maximum", "Minimum", "SquaredDifference"].flatMap(
    (op) =>
      [[4], [1, 1, 1, 4], [6, 1], []].map(
        (shape): Case => ({ op, inputs: ["maps", "other"], constants: { other: { random: shape } } }),
      ),
  ),
  { op: "Pow", inputs: ["row", "other"], constants: { other: { int32: [2] } } },
  { op: "AddN", inputs: ["maps", "maps"], attr: { N: { i: "2" } } },
  {
    op: "BiasAdd",
    inputs: ["maps", "other"],
    attr: { data_format: text("NHWC") },
    constants: { other: { random: [4] } },
  },
  { op: "Prelu", inputs: ["maps", "other"], constants: { other: { random: [1, 1, 4] } } },
  ...[
    "Relu",
    "Relu6",
    "Elu",
    "Selu",
    "Sigmoid",
    "Tanh",
    "Softplus",
    "Abs",
    "Ceil",
    "Erf",
    "Exp",
    "Floor",
    "Neg",
    "Reciprocal",
    "Round",
    "Square",
    "Softmax",
    "LogSoftmax",
  ].map((op): Case => ({ op })),
  ...["Log", "Sqrt", "Rsqrt"].map((op): Case => ({ op, inputs: ["positive"] })),
  { op: "LeakyRelu", attr: { alpha: { f: 0.3 } } },
  ...["FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"].map(
    (op): Case => ({
      op,
      inputs: ["maps", "scale", "offset", "mean", "variance"],
      attr: { epsilon: { f: 2 }, data_format: text("NHWC"), is_training: { b: false } },
      constants: {
        scale: { random: [4] },
        offset: { random: [4] },
        mean: { random: [4] },
        variance: { random: [4] },
      },
    }),
  ),
  { op: "Reshape", inputs: ["maps", "shape"], constants: { shape: { int32: [-1, 12, 8] } } },
  { op: "Squeeze", inputs: ["pooled"], attr: { squeeze_dims: integers(1, 2) } },
  { op: "ExpandDims", inputs: ["row", "axis"], constants: { axis: { int32: [1] } } },
  { op: "Transpose", inputs: ["maps", "order"], constants: { order: { int32: [0, 2, 3, 1] } } },
  ...[3, -1, 1].map(
    (axis): Case => ({
      op: "ConcatV2",
      inputs: ["maps", "maps", "axis"],
      attr: { N: { i: "2" } },
      constants: { axis: { int32: [axis] } },
    }),
  ),
  {
    op: "Pad",
    inputs: ["maps", "pads"],
    constants: { pads: { int32: [0, 0, 1, 2, 0, 3, 0, 0], shape: [4, 2] } },
  },
  {
    op: "PadV2",
    inputs: ["maps", "pads", "value"],
    constants: { pads: { int32: [0, 0, 1, 0, 0, 0, 0, 2], shape: [4, 2] }, value: { random: [1] } },
  },
  {
    op: "MirrorPad",
    inputs: ["maps", "pads"],
    attr: { mode: text("reflect") },
    constants: { pads: { int32: [0, 0, 1, 2, 2, 1, 0, 0], shape: [4, 2] } },
  },
  {
    op: "Slice",
    inputs: ["maps", "begin", "size"],
    constants: { begin: { int32: [0, 1, 0, 2] }, size: { int32: [-1, 2, -1, 1] } },
  },
  ...["ResizeBilinear", "ResizeNearestNeighbor"].flatMap((op) =>
    [{}, { align_corners: { b: true } }, { half_pixel_centers: { b: true } }].map(
      (attr): Case => ({
        op,
        inputs: ["maps", "size"],
        attr,
        constants: { size: { int32: [8, 9] } },
      }),
    ),
  ),
];

/** Everything but `op`, and what is asked of it. */
export function build({ op, inputs = ["maps"], attr = {}, constants = {} }: Case, shape: readonly number[]) {
  const helpers: readonly SmallNode[] = [
    ...BEFORE,
    { name: "positive", op: "Square", inputs: ["row"] },
    { name: "pooled", op: "Mean", inputs: ["maps", "row/axes"], attr: { keep_dims: { b: true } } },
  ];
  const wanted = helpers.filter(({ name }) => inputs.includes(name) || name === "maps" || name === "row");
  const nodes = [...wanted, { name: "result", op, inputs, attr }];
  const shapes = { image: IMAGE, maps: [4, 6, 4], row: [3], positive: [3], pooled: [1, 1, 4], result: shape };
  const { model, shard } = smallModel(nodes, { ...CONSTANTS, ...constants }, shapes);
  const segment: Segment = {
    nodes: model.nodes.map(({ name }) => name).filter((name) => name !== "image" && name !== "scores"),
    feeds: ["image"],
    outputs: ["result"],
  };
  return { model, shard, segment };
}

export async function onTfjs(model: Model, shard: Uint8Array, segment: Segment, image: TensorValues) {
  const running = new SegmentModel(model);
  running.addShard(model.shards[0]!, shard);
  const [result] = await running.runValues(segment, [image]);
  running.dispose();
  return result!;
}
