import { integersOf, textOf } from "#shared/exporting";
import type { ModelNode } from "#shared/model";
import type { Attributes } from "../writing/schema.ts";
import { cannotExport, type SegmentWriter } from "../writing/segment-writer.ts";

/**
 * Strides, dilations and padding of a window that slides over maps, as ONNX has them. Padding is written out: what runs
 * ONNX does not agree on the short form with dilations.
 *
 * @param kernel height and width
 */
export function windowOf(node: ModelNode, to: SegmentWriter, kernel: readonly number[]): Attributes {
  if (textOf(node, "data_format").startsWith("NC")) throw cannotExport(node, "expected data_format NHWC");
  const strides = spatial(integersOf(node, "strides"));
  const dilations = spatial(integersOf(node, "dilations"));
  const sides = to.shapeOf(node.inputs[0]!).slice(1, 3);
  return {
    kernel_shape: kernel,
    strides,
    pads: padsOf(node, sides, kernel, strides, dilations),
    ...(dilations.some((step) => step > 1) ? { dilations } : {}),
  };
}

/** Of [batch, height, width, channels]. */
const spatial = (four: readonly number[]): readonly number[] =>
  four.length === 4 ? four.slice(1, 3) : [1, 1];

/** @returns before height and width, then behind them */
function padsOf(
  node: ModelNode,
  sides: readonly number[],
  kernel: readonly number[],
  strides: readonly number[],
  dilations: readonly number[],
): readonly number[] {
  const padding = textOf(node, "padding");
  if (padding === "VALID") return [0, 0, 0, 0];
  if (padding === "EXPLICIT") {
    const [, , top, bottom, left, right] = integersOf(node, "explicit_paddings");
    return [top!, left!, bottom!, right!];
  }
  if (padding !== "SAME")
    throw cannotExport(node, `expected padding SAME, VALID or EXPLICIT, got ${padding}`);
  const total = sides.map((side, axis) => {
    const reach = (kernel[axis]! - 1) * dilations[axis]! + 1;
    return Math.max((Math.ceil(side / strides[axis]!) - 1) * strides[axis]! + reach - side, 0);
  });
  const before = total.map((all) => all >> 1);
  return [...before, ...total.map((all, axis) => all - before[axis]!)];
}
