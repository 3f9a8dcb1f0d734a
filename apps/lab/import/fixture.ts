import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import type { io } from "@tensorflow/tfjs-core";
import type { LayersModel } from "@tensorflow/tfjs-layers";
import { elementCount } from "#shared/model";
import { randomFor } from "#shared/random";
import {
  type Attr,
  boolAttr,
  type Constant,
  intAttr,
  intsAttr,
  shapeAttr,
  stringAttr,
  stringsAttr,
  typeAttr,
} from "../graph-model/node-def.ts";
import type { ForeignGraph } from "./graph.ts";
import type { NodeDef } from "./read-graph.ts";

// For tests only: tiny models, as somebody else's converter would write them.

/** The files of a model, by name. */
export type ModelFiles = Readonly<Record<string, string | Uint8Array>>;

export interface TinyModel {
  readonly nodes: readonly NodeDef[];
  readonly constants: readonly Constant[];
}

/** A node; what `attr` leaves out is filled in as converters do. */
export function node(
  name: string,
  op: string,
  input: readonly string[] = [],
  attr: Readonly<Record<string, Attr>> = {},
): NodeDef {
  return { name, op, input, attr: { T: typeAttr("float32"), ...USUAL[op], ...attr } };
}

const CONV = {
  strides: intsAttr([1, 1, 1, 1]),
  padding: stringAttr("SAME"),
  data_format: stringAttr("NHWC"),
  dilations: intsAttr([1, 1, 1, 1]),
  explicit_paddings: { list: {} },
};
const NORM = { epsilon: { f: 0.01 }, is_training: boolAttr(false), data_format: stringAttr("NHWC") };

const USUAL: Readonly<Record<string, Readonly<Record<string, Attr>>>> = {
  Conv2D: CONV,
  DepthwiseConv2dNative: CONV,
  _FusedConv2D: { ...CONV, fused_ops: stringsAttr(["BiasAdd"]), num_args: intAttr(1), epsilon: { f: 0 } },
  MatMul: { transpose_a: boolAttr(false), transpose_b: boolAttr(false) },
  Mean: { keep_dims: boolAttr(false) },
  Max: { keep_dims: boolAttr(false) },
  FusedBatchNorm: NORM,
  FusedBatchNormV2: NORM,
  FusedBatchNormV3: NORM,
  MaxPool: {
    ksize: intsAttr([1, 2, 2, 1]),
    strides: intsAttr([1, 2, 2, 1]),
    padding: stringAttr("VALID"),
    data_format: stringAttr("NHWC"),
  },
  StridedSlice: {
    begin_mask: intAttr(0),
    end_mask: intAttr(0),
    ellipsis_mask: intAttr(0),
    new_axis_mask: intAttr(0),
    shrink_axis_mask: intAttr(1),
  },
  Pack: { axis: intAttr(0), N: intAttr(2) },
};

/** The placeholder of an image; -1 stands for an unknown side. */
export function image(shape: readonly number[] = [-1, 8, 8, 3], name = "input"): NodeDef {
  return { name, op: "Placeholder", attr: { dtype: typeAttr("float32"), shape: shapeAttr(shape) } };
}

/** Seeded values from -1 to 1. */
export function floats(name: string, shape: readonly number[]): Constant {
  const random = randomFor(7, ...[...name].map((char) => char.charCodeAt(0)));
  const values = Float32Array.from({ length: elementCount(shape) }, () => 2 * random() - 1);
  return { name, dtype: "float32", shape, values };
}

export function positives(name: string, shape: readonly number[]): Constant {
  const { values, ...rest } = floats(name, shape);
  return { ...rest, values: Float32Array.from(values, (value) => 0.5 + Math.abs(value)) };
}

export function ints(name: string, values: readonly number[], shape = [values.length]): Constant {
  return { name, dtype: "int32", shape, values: Int32Array.from(values) };
}

/** The same weight as converters store it with `--quantize_uint8`. */
export function quantised(constant: Constant): Constant {
  const [low, high] = [Math.min(...constant.values), Math.max(...constant.values)];
  const scale = (high - low) / 255;
  const bytes = Uint8Array.from(constant.values, (value) => Math.round((value - low) / scale));
  return {
    ...constant,
    values: Float32Array.from(bytes, (byte) => byte * scale + low),
    stored: { bytes, quantization: { dtype: "uint8", scale, min: low, original_dtype: "float32" } },
  };
}

/** A classifier of four classes: two convolutions about a skip, batch normalisation, logits. */
export function classifier(shape: readonly number[] = [-1, 8, 8, 3]): TinyModel {
  const channels = shape.at(-1) as number;
  return {
    nodes: [
      image(shape),
      node("a", "Conv2D", ["input", "a/w"]),
      node("a/norm", "FusedBatchNormV3", ["a", "a/gamma", "a/beta", "a/mean", "a/variance"]),
      node("a/relu", "Relu6", ["a/norm:0"]),
      node("drop", "Identity", ["a/relu"]),
      node("b", "Conv2D", ["drop", "b/w"]),
      node("b/bias", "BiasAdd", ["b", "b/b"]),
      node("sum", "AddV2", ["b/bias", "drop"]),
      node("sum/relu", "Relu", ["sum"]),
      node("pool", "Mean", ["sum/relu", "axes"]),
      node("dense", "MatMul", ["pool", "dense/w"]),
      node("logits", "BiasAdd", ["dense", "dense/b"]),
      node("Identity", "Identity", ["logits"]),
    ],
    constants: [
      floats("a/w", [3, 3, channels, 8]),
      positives("a/gamma", [8]),
      floats("a/beta", [8]),
      floats("a/mean", [8]),
      positives("a/variance", [8]),
      floats("b/w", [3, 3, 8, 8]),
      floats("b/b", [8]),
      ints("axes", [1, 2]),
      floats("dense/w", [8, 4]),
      floats("dense/b", [4]),
    ],
  };
}

/** The parsed model.json and one file of weights. */
export function graphFiles(
  { nodes, constants }: TinyModel,
  change: (json: TinyJson) => void = () => {},
): ModelFiles {
  const dtypes = { float32: "DT_FLOAT", int32: "DT_INT32", bool: "DT_BOOL" };
  const consts = constants.map(({ name, dtype }) => ({
    name,
    op: "Const",
    attr: { dtype: { type: dtypes[dtype] } },
  }));
  const json: TinyJson = {
    format: "graph-model",
    modelTopology: { node: [...consts, ...nodes], versions: { producer: 1 } },
    weightsManifest: [
      {
        paths: ["all.bin"],
        weights: constants.map(({ name, dtype, shape, stored }) => ({
          name,
          dtype,
          shape,
          ...(stored && { quantization: stored.quantization }),
        })),
      },
    ],
  };
  change(json);
  const bytes = constants.map(({ values, stored }) => stored?.bytes ?? new Uint8Array(values.buffer));
  return { "model.json": JSON.stringify(json), "all.bin": new Uint8Array(Buffer.concat(bytes)) };
}

export interface TinyJson {
  format?: string;
  modelTopology: { node: object[]; versions: object };
  weightsManifest: {
    paths: string[];
    weights: { name: string; dtype: string; shape: readonly number[] }[];
  }[];
  signature?: object;
  userDefinedMetadata?: object;
}

/** What TF.js saves of a LayersModel. */
export async function layersFiles(model: LayersModel): Promise<ModelFiles> {
  let saved: io.ModelArtifacts | null = null;
  await model.save({
    save: async (artifacts) => {
      saved = artifacts;
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: "JSON" } };
    },
  });
  const { modelTopology, weightSpecs, weightData } = saved as unknown as io.ModelArtifacts;
  const weightsManifest = [{ paths: ["weights.bin"], weights: weightSpecs }];
  return {
    "model.json": JSON.stringify({ format: "layers-model", modelTopology, weightsManifest }),
    "weights.bin": new Uint8Array(weightData as ArrayBuffer),
  };
}

export async function writeFiles(folder: string, files: ModelFiles): Promise<string> {
  await mkdir(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) await writeFile(path.join(folder, name), content);
  return folder;
}

/** A graph as it is after reading, for what comes then. */
export function foreignGraph({ nodes, constants }: TinyModel, ...exits: readonly string[]): ForeignGraph {
  return {
    nodes: nodes.map(({ name, op, input = [], attr = {} }) => ({ name, op, inputs: input, attr })),
    constants: new Map(constants.map((constant) => [constant.name, constant])),
    exits: exits.map((name, at) => ({ id: `exit${at + 1}`, node: name, original: name })),
  };
}
