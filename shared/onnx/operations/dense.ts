import { flagOf, fusedOf } from "#shared/exporting";
import type { ModelNode } from "#shared/model";
import { cannotExport, type Operation, type SegmentWriter } from "../writing/segment-writer.ts";
import { putActivated } from "./activation.ts";
import { kernelAndBias } from "./kernel.ts";

/** `MatMul` and its fused form, of [batch, inputs]. */
export const dense: Operation = (node, to) => {
  const [left, right] = node.inputs;
  if (to.shapeOf(left!).length !== 2 || flagOf(node, "transpose_a")) {
    throw cannotExport(node, `expected rows of one axis, got ${JSON.stringify(to.shapeOf(left!))}`);
  }
  const transB = Number(flagOf(node, "transpose_b"));
  const attributes = { transB };
  const values = [to.read(left!, "given"), ...kernelOf(node, to, right!, 1 - transB)];
  putActivated(node, to, to.add("Gemm", values, node, attributes), "given");
};

/** Where the right side is no constant there is nothing to quantise ahead. */
function kernelOf(node: ModelNode, to: SegmentWriter, right: string, axis: number): readonly string[] {
  if (to.isConstant(right)) return kernelAndBias(node, to, right, to.constantOf(node, 1), axis);
  const bias = fusedOf(node).hasBias ? [node.inputs[2]!] : [];
  return [right, ...bias].map((name) => to.read(name, "given"));
}
