import type { Weight } from "#shared/exporting";
import type { Model, Segment } from "#shared/model";
import type { GraphBuilder } from "./graph-builder.ts";

/** How an activation lies in uint8: value = (q - zero) * scale. */
export interface Scale {
  readonly scale: number;
  readonly zero: number;
}

const LEVELS = 255;
/** Weights are symmetrical, so that no correction is summed for them. */
const WEIGHT_LEVELS = 127;
const SOFTMAX: ReadonlySet<string> = new Set(["Softmax", "LogSoftmax"]);

/**
 * How the activations of a segment are quantised, by node: over the ranges of the model's metadata, which hold 0. Scores
 * and what a softmax makes them of stay float32: between them lies the answer.
 */
export function scalesOf(model: Model, { feeds, nodes, outputs }: Segment): ReadonlyMap<string, Scale> {
  const wanted = new Set(nodes);
  const exact = new Set(outputs);
  for (const { name, op, inputs } of model.nodes) {
    if (wanted.has(name) && SOFTMAX.has(op)) for (const input of inputs) exact.add(input);
  }
  const scales = new Map<string, Scale>();
  for (const name of [...feeds, ...nodes]) {
    const tensor = model.metadata.tensors[name];
    if (tensor === undefined || exact.has(name)) continue;
    const low = Math.min(tensor.range[0], 0);
    const high = Math.max(tensor.range[1], 0);
    const scale = (high - low) / LEVELS;
    if (scale > 0) scales.set(name, { scale, zero: Math.round(-low / scale) });
  }
  return scales;
}

/** Rounds a value to the levels of its range: runtimes join that with the operations before and behind it. */
export function rounded(graph: GraphBuilder, value: string, about: string, { scale, zero }: Scale): string {
  const levels = [graph.number(`${about}/scale`, scale), graph.byte(`${about}/zero`, zero)];
  const whole = graph.add("QuantizeLinear", [value, ...levels], `${about}/q`);
  return graph.add("DequantizeLinear", [whole, ...levels], `${about}/dq`);
}

/**
 * A kernel in int8, each output channel with a scale of its own, and its bias in int32, in the units of what is summed.
 *
 * @param axis of the output channels
 * @param input how what it is multiplied with is quantised
 * @returns names of the kernel's and the bias's values
 */
export function quantisedKernel(
  graph: GraphBuilder,
  about: string,
  { shape, values }: Weight,
  axis: number,
  bias: Float32Array | null,
  input: Scale,
): readonly string[] {
  const channels = shape[axis]!;
  const inner = shape.slice(axis + 1).reduce((product, side) => product * side, 1);
  const channelOf = (at: number): number => Math.floor(at / inner) % channels;
  const scales = new Float32Array(channels);
  for (const [at, value] of values.entries()) {
    const channel = channelOf(at);
    scales[channel] = Math.max(scales[channel]!, Math.abs(value) / WEIGHT_LEVELS);
  }
  for (const [channel, scale] of scales.entries()) if (scale === 0) scales[channel] = 1;
  const whole = Int8Array.from(values, (value, at) => Math.round(value / scales[channelOf(at)]!));
  const kernel = graph.add(
    "DequantizeLinear",
    [
      graph.constant(about, "int8", shape, whole),
      graph.constant(`${about}/scale`, "float32", [channels], scales),
      graph.constant(`${about}/zero`, "int8", [channels], new Int8Array(channels)),
    ],
    `${about}/dq`,
    { axis },
  );
  if (bias === null) return [kernel];
  const units = scales.map((scale) => scale * input.scale);
  const sums = Int32Array.from(bias, (value, channel) => Math.round(value / units[channel]!));
  const added = graph.add(
    "DequantizeLinear",
    [
      graph.constant(`${about}/bias`, "int32", [channels], sums),
      graph.constant(`${about}/bias/scale`, "float32", [channels], units),
      graph.constant(`${about}/bias/zero`, "int32", [channels], new Int32Array(channels)),
    ],
    `${about}/bias/dq`,
    { axis: 0 },
  );
  return [kernel, added];
}
