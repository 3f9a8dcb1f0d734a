import { fusedOf, type Weight } from "#shared/exporting";
import type { ModelNode } from "#shared/model";
import { quantisedKernel } from "../writing/quantisation.ts";
import { cannotExport, type SegmentWriter } from "../writing/segment-writer.ts";

/**
 * What a convolution or a dense layer is made of: in int8 where what it is multiplied with is, else in float32.
 *
 * @param called the kernel's name
 * @param axis   of its output channels
 * @returns names of the values: the kernel, and the bias if there is one
 */
export function kernelAndBias(
  node: ModelNode,
  to: SegmentWriter,
  called: string,
  kernel: Weight,
  axis: number,
): readonly string[] {
  const { hasBias } = fusedOf(node);
  const input = to.scaleOf(node.inputs[0]!);
  if (input === undefined) {
    const values = to.graph.constant(called, "float32", kernel.shape, Float32Array.from(kernel.values));
    return [values, ...(hasBias ? [to.read(node.inputs[2]!, "given")] : [])];
  }
  const bias = hasBias ? to.constantOf(node, 2).values : null;
  if (bias instanceof Int32Array) throw cannotExport(node, "expected a bias of float32");
  return quantisedKernel(to.graph, called, kernel, axis, bias, input);
}
