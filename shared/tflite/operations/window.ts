import { integersOf, textOf } from "#shared/exporting";
import type { ModelNode } from "#shared/model";
import { PADDINGS } from "../writing/schema.ts";
import { cannotExport, type SegmentWriter, type TensorIndex } from "../writing/segment-writer.ts";

/** A window that slides over maps, and the maps. */
export interface Window {
  /** Padded where the window's padding is one that TFLite has no word for. */
  readonly input: TensorIndex;
  readonly options: Readonly<Record<string, number>>;
}

export function windowOf(node: ModelNode, to: SegmentWriter): Window {
  if (textOf(node, "data_format").startsWith("NC")) throw cannotExport(node, "expected data_format NHWC");
  const [strideHeight, strideWidth] = spatial(integersOf(node, "strides"));
  const [dilationHeight, dilationWidth] = spatial(integersOf(node, "dilations"));
  const padding = textOf(node, "padding");
  const options = { strideHeight, strideWidth, dilationHeight, dilationWidth };
  const input = to.read(node.inputs[0]!);
  if (padding === "SAME" || padding === "VALID") {
    return { input, options: { ...options, padding: PADDINGS[padding] } };
  }
  // What is padded with zeros would count in a pool.
  if (padding !== "EXPLICIT" || node.op.endsWith("Pool")) {
    throw cannotExport(
      node,
      `expected padding SAME or VALID${node.op.endsWith("Pool") ? "" : " or EXPLICIT"}, got ${padding}`,
    );
  }
  const pads = integersOf(node, "explicit_paddings");
  const shape = to.shapeOf(node.inputs[0]!).map((side, axis) => side + pads[2 * axis]! + pads[2 * axis + 1]!);
  const padded = to.add("PAD", [input, to.integers(`${node.name}/pads`, pads, [4, 2])], node, {}, shape);
  return { input: padded, options: { ...options, padding: PADDINGS.VALID } };
}

/** Of [batch, height, width, channels]. */
const spatial = (four: readonly number[]): readonly [number, number] =>
  four.length === 4 ? [four[1]!, four[2]!] : [1, 1];
