import type { Tensor, Tensor1D, Tensor4D } from "@tensorflow/tfjs-core";
import { fusedOf, integersOf, textOf } from "#shared/exporting";
import type { Model, ModelNode } from "#shared/model";
import type { SegmentModel } from "#shared/runtime";
import type { Tf } from "../engine/native.ts";
import { readWeightsOf } from "../files/model-folder.ts";

/**
 * A frozen net through which gradients flow. Its convolutions are computed by operations of their own rather than fused
 * ones: of these TF.js would compute the gradients of the kernels too, which nobody wants.
 */
export interface FrozenNet {
  readonly model: Model;
  /** Of nodes, by their names. */
  readonly weights: Readonly<Record<string, Tensor>>;
  /**
   * @param feeds tensors of nodes, batch axis first
   * @returns of each node that is wanted, computed from these
   */
  run(feeds: Readonly<Record<string, Tensor>>, wanted: readonly string[]): Tensor[];
}

/** @param folder of the model, whose weights are read once more */
export async function frozenNet(tf: Tf, segments: SegmentModel, folder: string): Promise<FrozenNet> {
  const { model } = segments;
  const nodes = new Map(model.nodes.map((node) => [node.name, node]));
  const weights = await readWeightsOf(folder, model);
  const compute = (node: ModelNode, inputs: readonly Tensor[]): Tensor => {
    if (isPlainConvolution(node)) return convolve(tf, node, inputs[0] as Tensor4D, weights);
    const feeds = node.inputs.filter((name) => nodes.has(name));
    const segment = { nodes: [node.name], feeds, outputs: [node.name] };
    return segments.run(segment, inputs)[0]!;
  };
  return {
    model,
    weights,
    run(feeds, wanted) {
      const values = new Map(Object.entries(feeds));
      const tensorOf = (name: string): Tensor => {
        const found = values.get(name);
        if (found !== undefined) return found;
        const node = nodes.get(name)!;
        const inputs = node.inputs.filter((input) => nodes.has(input)).map(tensorOf);
        const value = compute(node, inputs);
        values.set(name, value);
        return value;
      };
      return wanted.map(tensorOf);
    },
  };
}

function isPlainConvolution(node: ModelNode): boolean {
  if (node.op !== "_FusedConv2D" || !["SAME", "VALID"].includes(textOf(node, "padding"))) return false;
  const { hasBias, activation } = fusedOf(node);
  const isDense = integersOf(node, "dilations").every((one) => one === 1);
  return isDense && hasBias && [null, "Relu"].includes(activation);
}

function convolve(tf: Tf, node: ModelNode, x: Tensor4D, weights: FrozenNet["weights"]): Tensor {
  const [, kernel, bias] = node.inputs as [string, string, string];
  const [, down, right] = integersOf(node, "strides") as [number, number, number, number];
  const pad = textOf(node, "padding") === "SAME" ? "same" : "valid";
  const sum = tf.conv2d(x, weights[kernel] as Tensor4D, [down, right], pad).add(weights[bias] as Tensor1D);
  return fusedOf(node).activation === null ? sum : sum.relu();
}
