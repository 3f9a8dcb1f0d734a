import { flagOf, textOf } from "#shared/exporting";
import type { ModelNode } from "#shared/model";
import { axisIn } from "../writing/layout.ts";
import { cannotExport, type Operation, type SegmentWriter } from "../writing/segment-writer.ts";

/** `Reshape`, `Squeeze`, `ExpandDims`: the same numbers in their order, with other axes. The batch axis stays. */
export const reshape: Operation = (node, to) => {
  const value = to.read(node.inputs[0]!, "given");
  to.put(node.name, reshaped(node, to, value), "given");
};

export const transpose: Operation = (node, to) => {
  const perm = to.integersOf(node, 1);
  to.put(node.name, to.add("Transpose", [to.read(node.inputs[0]!, "given")], node, { perm }), "given");
};

/** `ConcatV2`: the axis comes last. */
export const concat: Operation = (node, to) => {
  const parts = node.inputs.slice(0, -1);
  const rank = to.shapeOf(node.name).length;
  const [axis] = to.integersOf(node, parts.length);
  const areMaps = parts.every((name) => to.isMap(name) && !to.isConstant(name));
  const layout = areMaps ? "channels-first" : "given";
  const values = parts.map((name) => to.read(name, layout));
  const attributes = { axis: axisIn(layout, axis! < 0 ? axis! + rank : axis!) };
  to.put(node.name, to.add("Concat", values, node, attributes), layout);
};

/** `Pad` and `PadV2` with a number, `MirrorPad` with what lies inside. */
export const pad: Operation = (node, to) => {
  const [input] = node.inputs;
  const layout = to.isMap(input!) ? "channels-first" : "given";
  const pairs = to.integersOf(node, 1);
  const rank = pairs.length / 2;
  const order = [...Array(rank).keys()].toSorted((a, b) => axisIn(layout, a) - axisIn(layout, b));
  const pads = [...order.map((axis) => pairs[2 * axis]!), ...order.map((axis) => pairs[2 * axis + 1]!)];
  const mode = modeOf(node);
  const inputs = [to.read(input!, layout), to.graph.integers(`${node.name}/pads`, pads)];
  if (node.op === "PadV2")
    inputs.push(to.graph.number(`${node.name}/value`, to.constantOf(node, 2).values[0]!));
  to.put(node.name, to.add("Pad", inputs, node, { mode }), layout);
};

function modeOf(node: ModelNode): string {
  if (node.op !== "MirrorPad") return "constant";
  const mode = textOf(node, "mode");
  if (mode.toUpperCase() === "REFLECT") return "reflect";
  throw cannotExport(node, `expected mode REFLECT, got ${mode}`);
}

/** Beyond every side. */
const END = 2 ** 31 - 1;

/** `Slice`: where it begins, and how long it is; -1 goes to the end. */
export const slice: Operation = (node, to) => {
  const begin = to.integersOf(node, 1);
  const size = to.integersOf(node, 2);
  const end = size.map((length, axis) => (length < 0 ? END : begin[axis]! + length));
  const bounds = [to.graph.integers(`${node.name}/begin`, begin), to.graph.integers(`${node.name}/end`, end)];
  to.put(node.name, to.add("Slice", [to.read(node.inputs[0]!, "given"), ...bounds], node), "given");
};

function reshaped(node: ModelNode, to: SegmentWriter, value: string): string {
  const shape = to.graph.integers(`${node.name}/shape`, to.shapeOf(node.name));
  return to.add("Reshape", [value, shape], node);
}

/** `ResizeBilinear` and `ResizeNearestNeighbor`, to the sides that the node has. */
export const resize =
  (mode: "linear" | "nearest"): Operation =>
  (node, to) => {
    const [input] = node.inputs;
    const before = to.shapeOf(input!);
    const after = to.shapeOf(node.name);
    const scales = Float32Array.of(1, 1, after[1]! / before[1]!, after[2]! / before[2]!);
    const isAligned = flagOf(node, "align_corners");
    const isHalf = flagOf(node, "half_pixel_centers");
    const from = isAligned ? "align_corners" : isHalf ? "half_pixel" : "asymmetric";
    const attributes = {
      mode,
      coordinate_transformation_mode: from,
      ...(mode === "nearest" ? { nearest_mode: isAligned || isHalf ? "round_prefer_ceil" : "floor" } : {}),
    };
    const constant = to.graph.constant(`${node.name}/scales`, "float32", [4], scales);
    const inputs = [to.read(input!, "channels-first"), "", constant];
    to.put(node.name, to.add("Resize", inputs, node, attributes), "channels-first");
  };
