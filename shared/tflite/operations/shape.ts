import { flagOf, textOf } from "#shared/exporting";
import type { OperatorName } from "../writing/schema.ts";
import { cannotExport, type Operation } from "../writing/segment-writer.ts";

/** `Mean`, `Max`, `Min` and `Sum` over axes that are constants. */
export const reduction =
  (type: "MEAN" | "REDUCE_MAX" | "REDUCE_MIN" | "SUM"): Operation =>
  (node, to) => {
    const [input] = node.inputs;
    const axes = to.integers(`${node.name}/axes`, to.integersOf(node, 1));
    const keepDims = Number(flagOf(node, "keep_dims"));
    to.put(node.name, to.add(type, [to.read(input!), axes], node, { keepDims }));
  };

/** `Reshape`, `Squeeze`, `ExpandDims`: the same numbers in their order, with other axes. */
export const reshape: Operation = (node, to) => {
  const shape = to.integers(`${node.name}/shape`, to.shapeOf(node.name));
  to.put(node.name, to.add("RESHAPE", [to.read(node.inputs[0]!), shape], node));
};

export const transpose: Operation = (node, to) => {
  const order = to.integers(`${node.name}/order`, to.integersOf(node, 1));
  to.put(node.name, to.add("TRANSPOSE", [to.read(node.inputs[0]!), order], node));
};

/** `ConcatV2`: the axis comes last. */
export const concat: Operation = (node, to) => {
  const parts = node.inputs.slice(0, -1);
  const [axis] = to.integersOf(node, parts.length);
  const values = parts.map((name) => to.read(name));
  const along = axis! < 0 ? axis! + to.shapeOf(node.name).length : axis!;
  to.put(node.name, to.add("CONCATENATION", values, node, { axis: along }));
};

/** `Pad` and `PadV2` with a number, `MirrorPad` with what lies inside. */
export const pad =
  (type: "PAD" | "PADV2" | "MIRROR_PAD"): Operation =>
  (node, to) => {
    const pairs = to.integersOf(node, 1);
    const inputs = [to.read(node.inputs[0]!), to.integers(`${node.name}/pads`, pairs, [pairs.length / 2, 2])];
    if (type === "PADV2") {
      const values = Float32Array.of(to.constantOf(node, 2).values[0]!);
      inputs.push(to.numbers(`${node.name}/value`, { shape: [1], values }));
    }
    const mode = type === "MIRROR_PAD" ? textOf(node, "mode").toUpperCase() : "REFLECT";
    if (mode !== "REFLECT") throw cannotExport(node, `expected mode REFLECT, got ${mode}`);
    to.put(node.name, to.add(type, inputs, node, { mode: 0 }));
  };

/** `Slice`: where it begins, and how long it is; -1 goes to the end. */
export const slice: Operation = (node, to) => {
  const bounds = [1, 2].map((at) => to.integers(`${node.name}/${at}`, to.integersOf(node, at)));
  to.put(node.name, to.add("SLICE", [to.read(node.inputs[0]!), ...bounds], node));
};

/** `ResizeBilinear` and `ResizeNearestNeighbor`, to the sides that the node has. */
export const resize =
  (type: OperatorName & `RESIZE_${string}`): Operation =>
  (node, to) => {
    const sides = to.integers(`${node.name}/sides`, to.shapeOf(node.name).slice(1, 3));
    const options = {
      alignCorners: Number(flagOf(node, "align_corners")),
      halfPixelCenters: Number(flagOf(node, "half_pixel_centers")),
    };
    to.put(node.name, to.add(type, [to.read(node.inputs[0]!), sides], node, options));
  };
