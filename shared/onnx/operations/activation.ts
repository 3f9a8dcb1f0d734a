import { fusedOf, numberOf } from "#shared/exporting";
import type { ModelNode } from "#shared/model";
import type { Layout } from "../writing/layout.ts";
import { cannotExport, type SegmentWriter } from "../writing/segment-writer.ts";

/** By TensorFlow's name: of one value, whatever its axes. */
export const ACTIVATIONS: ReadonlyMap<string, (value: string, node: ModelNode, to: SegmentWriter) => string> =
  new Map(
    Object.entries({
      Relu: (value, node, to) => to.add("Relu", [value], node),
      Relu6: (value, node, to) => {
        const bounds = [to.graph.number("zero", 0), to.graph.number("six", 6)];
        return to.add("Clip", [value, ...bounds], node);
      },
      Elu: (value, node, to) => to.add("Elu", [value], node),
      Selu: (value, node, to) => to.add("Selu", [value], node),
      Sigmoid: (value, node, to) => to.add("Sigmoid", [value], node),
      Tanh: (value, node, to) => to.add("Tanh", [value], node),
      Softplus: (value, node, to) => to.add("Softplus", [value], node),
      LeakyRelu: (value, node, to) => {
        const alpha = numberOf(node, "alpha", numberOf(node, "leakyrelu_alpha", 0.2));
        return to.add("LeakyRelu", [value], node, { alpha: { float: alpha } });
      },
    } satisfies Record<string, (value: string, node: ModelNode, to: SegmentWriter) => string>),
  );

/** Puts a node's value behind its activation, if it has one. */
export function putActivated(node: ModelNode, to: SegmentWriter, value: string, layout: Layout): void {
  const { activation } = fusedOf(node);
  to.put(node.name, activation === null ? value : activate(activation, node, to, value, layout), layout);
}

function activate(name: string, node: ModelNode, to: SegmentWriter, value: string, layout: Layout): string {
  // Behind input, kernel and bias.
  if (name === "Prelu") return to.add("PRelu", [value, to.read(node.inputs[3]!, layout)], node);
  const apply = ACTIVATIONS.get(name);
  if (apply === undefined) {
    throw cannotExport(node, `expected ${[...ACTIVATIONS.keys()].join(", ")} or Prelu, got ${name}`);
  }
  return apply(value, node, to);
}
