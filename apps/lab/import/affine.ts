import type { Constant } from "../graph-model/node-def.ts";
import { numberOf, textOf } from "./attributes.ts";
import type { ForeignNode } from "./graph.ts";

/** y = x * scale + shift, one of each per channel. */
export interface Affine {
  readonly scale: Float64Array;
  readonly shift: Float64Array;
}

/**
 * What a node does to the channels of one of its inputs, where the others are constants.
 *
 * @param input    name of that input
 * @param channels of it, its last axis
 * @param rank     of it, without the batch axis
 * @returns null for a node that does something else
 */
export function affineOf(
  node: ForeignNode,
  input: string,
  constants: ReadonlyMap<string, Constant>,
  channels: number,
  rank: number,
): Affine | null {
  if (node.op.startsWith("FusedBatchNorm")) return normalisation(node, input, constants, channels);
  const [first = "", second = "", ...others] = node.inputs;
  const isFirst = first === input;
  if (others.length > 0 || first === second || !(isFirst || second === input)) return null;
  const constant = constants.get(isFirst ? second : first);
  const values = constant && perChannel(constant, channels, rank);
  if (!values) return null;
  const ones = new Float64Array(channels).fill(1);
  const zeros = new Float64Array(channels);
  switch (node.op) {
    case "BiasAdd":
      return isFirst && textOf(node.attr, "data_format") !== "NCHW" ? { scale: ones, shift: values } : null;
    case "Add":
    case "AddV2":
      return { scale: ones, shift: values };
    case "Sub":
      return isFirst
        ? { scale: ones, shift: values.map((value) => -value) }
        : { scale: ones.map(() => -1), shift: values };
    case "Mul":
      return { scale: values, shift: zeros };
    case "Div":
    case "RealDiv":
      return isFirst && values.every((value) => value !== 0)
        ? { scale: values.map((value) => 1 / value), shift: zeros }
        : null;
    default:
      return null;
  }
}

function normalisation(
  { inputs, attr }: ForeignNode,
  input: string,
  constants: ReadonlyMap<string, Constant>,
  channels: number,
): Affine | null {
  const [x, ...names] = inputs;
  const values = names.map((name) => constants.get(name)?.values);
  const [gamma, beta, mean, variance] = values;
  if (x !== input || values.length !== 4 || !gamma || !beta || !mean || !variance) return null;
  if (values.some((one) => one?.length !== channels)) return null;
  const epsilon = numberOf(attr, "epsilon", USUAL_EPSILON);
  const scale = Float64Array.from(gamma, (value, c) => value / Math.sqrt(variance[c]! + epsilon));
  return { scale, shift: scale.map((value, c) => beta[c]! - mean[c]! * value) };
}

/** TensorFlow's, where a node states none; TF.js has the same. */
const USUAL_EPSILON = 0.001;

/** A constant's value for every channel; null when it differs over other axes, or adds axes. */
function perChannel({ dtype, shape, values }: Constant, channels: number, rank: number): Float64Array | null {
  if (dtype !== "float32" || shape.length > rank + 1) return null;
  if (shape.slice(0, -1).some((side) => side !== 1)) return null;
  if (values.length === 1) return new Float64Array(channels).fill(values[0]!);
  return values.length === channels ? Float64Array.from(values) : null;
}
