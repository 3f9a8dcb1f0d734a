import { transposed } from "#shared/exporting";
import type { ModelNode } from "#shared/model";
import { cannotExport, type Operation, type SegmentWriter } from "../writing/segment-writer.ts";
import { putActivated } from "./activation.ts";
import { kernelAndBias } from "./kernel.ts";
import { windowOf } from "./window.ts";

/** `Conv2D` and its fused form; kernels of fewer channels than the input has go over groups. */
export const convolution: Operation = (node, to) => {
  const { shape, values } = floatsOf(node, to);
  const [height, width, inputs] = shape;
  const kernel = transposed({ shape, values }, [3, 2, 0, 1]);
  const channels = to.shapeOf(node.inputs[0]!).at(-1)!;
  write(node, to, kernel, [height!, width!], channels / inputs!);
};

/** `DepthwiseConv2dNative` and its fused form. */
export const depthwise: Operation = (node, to) => {
  const { shape, values } = floatsOf(node, to);
  const [height, width, channels, multiplier] = shape;
  const kernel = transposed({ shape, values }, [2, 3, 0, 1]);
  const sides = [channels! * multiplier!, 1, height!, width!];
  write(node, to, { shape: sides, values: kernel.values }, [height!, width!], channels!);
};

interface Kernel {
  /** [outputs, inputs of a group, height, width] */
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

function write(
  node: ModelNode,
  to: SegmentWriter,
  kernel: Kernel,
  sides: readonly number[],
  group: number,
): void {
  const [input, kernelName] = node.inputs;
  const inputs = [to.read(input!, "channels-first"), ...kernelAndBias(node, to, kernelName!, kernel, 0)];
  const attributes = { ...windowOf(node, to, sides), group };
  putActivated(node, to, to.add("Conv", inputs, node, attributes), "channels-first");
}

function floatsOf(node: ModelNode, to: SegmentWriter): Kernel {
  const { shape, values } = to.constantOf(node, 1);
  if (!(values instanceof Float32Array)) throw cannotExport(node, "expected a kernel of float32");
  return { shape, values };
}
