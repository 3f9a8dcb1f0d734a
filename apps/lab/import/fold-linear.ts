import { inHalf } from "../graph-model/half.ts";
import type { Constant } from "../graph-model/node-def.ts";
import { boolAttr, intAttr, stringAttr, stringsAttr, typeAttr } from "../graph-model/node-def.ts";
import { type Affine, affineOf } from "./affine.ts";
import { flagOf, textsOf } from "./attributes.ts";
import { type ForeignGraph, type ForeignNode, freeName, pruned, readersOf } from "./graph.ts";

/** By operation: the one with bias and activation fused in. */
const FUSED: Readonly<Record<string, string>> = {
  Conv2D: "_FusedConv2D",
  _FusedConv2D: "_FusedConv2D",
  DepthwiseConv2dNative: "FusedDepthwiseConv2dNative",
  FusedDepthwiseConv2dNative: "FusedDepthwiseConv2dNative",
  MatMul: "_FusedMatMul",
  _FusedMatMul: "_FusedMatMul",
};
const ACTIVATIONS = new Set(["Relu", "Relu6"]);

export interface Folded {
  readonly graph: ForeignGraph;
  /** Nodes that went into others. */
  readonly folded: number;
  /** Whether weights stored as float16 were rounded anew. */
  readonly isRounded: boolean;
}

/**
 * Folds what scales and shifts channels (Mul, Add, Sub, BiasAdd, batch normalisation with constants) into the
 * convolution or matrix product before it, then fuses a Relu or Relu6: where nothing else reads what lies
 * between, and it is no exit. The node keeps the name of the last one. A kernel that is scaled is stored as
 * float32, or as float16 if it was; one that is not stays as it was stored. One of integers is never scaled, which
 * would make it four times as large: what scales its channels becomes one normalisation after it.
 *
 * @param graph  with its products straightened
 * @param shapes of every node, without the batch axis
 */
export function foldLinear(graph: ForeignGraph, shapes: ReadonlyMap<string, readonly number[]>): Folded {
  const readers = readersOf(graph);
  const exits = new Set(graph.exits.map(({ node }) => node));
  const constants = new Map(graph.constants);
  const gone = new Set<ForeignNode>();
  const replaced = new Map<ForeignNode, ForeignNode>();
  let isRounded = false;
  const soleReader = ({ name }: ForeignNode): ForeignNode | null => {
    const [reader, ...others] = readers.get(name) ?? [];
    return reader === undefined || others.length > 0 || exits.has(name) ? null : reader;
  };
  for (const linear of graph.nodes) {
    const start = openLinear(linear, constants, shapes);
    if (start === null) continue;
    let last = linear;
    let { scale, shift } = start.identity;
    const steps: ForeignNode[] = [];
    for (let next = soleReader(last); next !== null; next = soleReader(last)) {
      const step = affineOf(next, last.name, constants, start.channels, shapes.get(last.name)?.length ?? 0);
      if (step === null) break;
      shift = shift.map((value, c) => value * step.scale[c]! + step.shift[c]!);
      scale = scale.map((value, c) => value * step.scale[c]!);
      steps.push(next);
      last = next;
    }
    if (isOfIntegers(start.kernel) && scale.some((value) => value !== 1)) {
      if (steps.length < 2 || shapes.get(linear.name)?.length !== 3) continue;
      for (const step of steps.slice(0, -1)) gone.add(step);
      const made = normalisationOf(linear, last.name, { scale, shift }, { ...graph, constants });
      for (const constant of made.constants) constants.set(constant.name, constant);
      replaced.set(last, made.node);
      continue;
    }
    for (const passed of [linear, ...steps].slice(0, -1)) gone.add(passed);
    const after = soleReader(last);
    const activation = after !== null && ACTIVATIONS.has(after.op) ? after : null;
    if (activation !== null) {
      gone.add(last);
      last = activation;
    }
    if (last === linear) continue;
    const written = { ...graph, constants };
    const { kernel, bias } = start;
    const scaled = scaledKernel(kernel, scale);
    isRounded ||= scaled !== kernel && scaled.stored !== undefined;
    const own = scaled === kernel ? kernel : { ...scaled, name: freeName(written, `${last.name}/kernel`) };
    constants.set(own.name, own);
    const offset: Constant = {
      name: freeName(written, `${last.name}/bias`),
      dtype: "float32",
      shape: [start.channels],
      values: Float32Array.from(shift, (value, c) => value + (bias[c] ?? 0) * scale[c]!),
    };
    constants.set(offset.name, offset);
    replaced.set(last, {
      name: last.name,
      op: FUSED[linear.op] as string,
      inputs: [linear.inputs[0] as string, own.name, offset.name],
      attr: {
        ...linear.attr,
        T: typeAttr("float32"),
        fused_ops: stringsAttr(["BiasAdd", ...(activation === null ? [] : [activation.op])]),
        num_args: intAttr(1),
        epsilon: { f: 0 },
        ...(linear.op.includes("MatMul") ? NOT_TRANSPOSED : {}),
      },
    });
  }
  const nodes = graph.nodes.filter((node) => !gone.has(node)).map((node) => replaced.get(node) ?? node);
  return { graph: pruned({ ...graph, nodes, constants }), folded: gone.size, isRounded };
}

const isOfIntegers = ({ stored }: Constant): boolean =>
  stored !== undefined && stored.quantization.dtype !== "float16";

/** A node that scales and shifts the channels of a feature map. */
function normalisationOf(
  { name: input }: ForeignNode,
  name: string,
  { scale, shift }: Affine,
  graph: ForeignGraph,
): { readonly node: ForeignNode; readonly constants: readonly Constant[] } {
  const parts = {
    gamma: Float32Array.from(scale),
    beta: Float32Array.from(shift),
    mean: new Float32Array(scale.length),
    variance: new Float32Array(scale.length).fill(1),
  };
  const constants = Object.entries(parts).map(([part, values]): Constant => {
    return { name: freeName(graph, `${name}/${part}`), dtype: "float32", shape: [values.length], values };
  });
  const attr = {
    T: typeAttr("float32"),
    U: typeAttr("float32"),
    epsilon: { f: 0 },
    is_training: boolAttr(false),
    data_format: stringAttr("NHWC"),
  };
  const inputs = [input, ...constants.map((constant) => constant.name)];
  return { node: { name, op: "FusedBatchNormV3", inputs, attr }, constants };
}

/** A linear node that something may be folded into. */
interface OpenLinear {
  readonly kernel: Constant;
  /** Empty where it has none. */
  readonly bias: Constant["values"];
  readonly channels: number;
  readonly identity: Affine;
}

/** @returns null for what is not linear, or has an activation fused in already */
function openLinear(
  { op, inputs, attr, name }: ForeignNode,
  constants: ReadonlyMap<string, Constant>,
  shapes: ReadonlyMap<string, readonly number[]>,
): OpenLinear | null {
  if (FUSED[op] === undefined) return null;
  const [, kernelName = "", biasName] = inputs;
  const kernel = constants.get(kernelName);
  const channels = shapes.get(name)?.at(-1) ?? 0;
  if (kernel === undefined || kernel.dtype !== "float32" || inputs.length > 3) return null;
  if (op.includes("MatMul") && (flagOf(attr, "transpose_a") || flagOf(attr, "transpose_b"))) return null;
  const fused = textsOf(attr, "fused_ops");
  if (fused.length > 1 || (fused.length === 1 && fused[0] !== "BiasAdd")) return null;
  const bias = biasName === undefined ? new Float32Array(0) : constants.get(biasName)?.values;
  if (bias === undefined || (biasName !== undefined && bias.length !== channels)) return null;
  return {
    kernel,
    bias,
    channels,
    identity: { scale: new Float64Array(channels).fill(1), shift: new Float64Array(channels) },
  };
}

const NOT_TRANSPOSED = { transpose_a: boolAttr(false), transpose_b: boolAttr(false) };

/** Output channels are the fastest axis of a kernel (of a depthwise one the two fastest). */
function scaledKernel(kernel: Constant, scale: Float64Array): Constant {
  if (scale.every((value) => value === 1)) return kernel;
  const { name, dtype, shape, stored } = kernel;
  const values = Float32Array.from(kernel.values, (value, at) => value * scale[at % scale.length]!);
  const scaled: Constant = { name, dtype, shape, values };
  if (stored?.quantization.dtype !== "float16") return scaled;
  const half = inHalf(scaled).stored;
  // Its values stay exact: what rounding them costs is found when the written model is compared.
  return half === undefined ? scaled : { ...scaled, stored: half };
}
