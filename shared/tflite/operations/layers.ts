import { flagOf, fusedOf, integersOf, transposed } from "#shared/exporting";
import type { ModelNode } from "#shared/model";
import {
  cannotExport,
  type Operation,
  type SegmentWriter,
  type TensorIndex,
} from "../writing/segment-writer.ts";
import { putActivated } from "./activation.ts";
import { windowOf } from "./window.ts";

/** `Conv2D` and its fused form; kernels of fewer channels than the input has go over groups. */
export const convolution: Operation = (node, to) => {
  const kernel = transposed(to.floatsOf(node, 1), [3, 0, 1, 2]);
  const inputs = [to.numbers(node.inputs[1]!, kernel), biasOf(node, to, kernel.shape[0]!)];
  const { input, options } = windowOf(node, to);
  putActivated(node, to, (activation) =>
    to.add("CONV_2D", [input, ...inputs], node, { ...options, activation }),
  );
};

/** `DepthwiseConv2dNative` and its fused form. */
export const depthwise: Operation = (node, to) => {
  const { shape, values } = to.floatsOf(node, 1);
  const [height, width, channels, multiplier] = shape;
  const outputs = channels! * multiplier!;
  const kernel = { shape: [1, height!, width!, outputs], values };
  const inputs = [to.numbers(node.inputs[1]!, kernel), biasOf(node, to, outputs)];
  const { input, options } = windowOf(node, to);
  putActivated(node, to, (activation) =>
    to.add("DEPTHWISE_CONV_2D", [input, ...inputs], node, {
      ...options,
      multiplier: multiplier!,
      activation,
    }),
  );
};

/** `MatMul` and its fused form, of [1, inputs] with a constant. */
export const dense: Operation = (node, to) => {
  const [left, right] = node.inputs;
  if (to.shapeOf(left!).length !== 2 || flagOf(node, "transpose_a")) {
    throw cannotExport(node, `expected rows of one axis, got ${JSON.stringify(to.shapeOf(left!))}`);
  }
  const given = to.floatsOf(node, 1);
  const kernel = flagOf(node, "transpose_b") ? given : transposed(given, [1, 0]);
  const inputs = [to.read(left!), to.numbers(right!, kernel), biasOf(node, to, kernel.shape[0]!)];
  putActivated(node, to, (activation) => to.add("FULLY_CONNECTED", inputs, node, { activation }));
};

/** `MaxPool`, and `AvgPool`, which does not count what is padded. */
export const pooling =
  (type: "MAX_POOL_2D" | "AVERAGE_POOL_2D"): Operation =>
  (node, to) => {
    const [, filterHeight, filterWidth] = integersOf(node, "ksize");
    const { input, options } = windowOf(node, to);
    const filter = { filterHeight: filterHeight!, filterWidth: filterWidth! };
    to.put(node.name, to.add(type, [input], node, { ...options, ...filter }));
  };

/** Where there is none it is 0: not every runtime takes an operator without it. */
function biasOf(node: ModelNode, to: SegmentWriter, outputs: number): TensorIndex {
  if (fusedOf(node).hasBias) return to.read(node.inputs[2]!);
  return to.numbers(`${node.name}/bias`, { shape: [outputs], values: new Float32Array(outputs) });
}
