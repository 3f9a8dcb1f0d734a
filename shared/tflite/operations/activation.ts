import { fusedOf, numberOf } from "#shared/exporting";
import type { ModelNode } from "#shared/model";
import { ACTIVATIONS as FUSED, type OperatorName } from "../writing/schema.ts";
import {
  cannotExport,
  type Operation,
  type SegmentWriter,
  type TensorIndex,
} from "../writing/segment-writer.ts";

/** By TensorFlow's name: of one value, whatever its axes. */
export const ACTIVATIONS: ReadonlyMap<string, OperatorName> = new Map<string, OperatorName>([
  ["Relu", "RELU"],
  ["Relu6", "RELU6"],
  ["Elu", "ELU"],
  ["Sigmoid", "LOGISTIC"],
  ["Tanh", "TANH"],
  ["LeakyRelu", "LEAKY_RELU"],
]);

export const activation: Operation = (node, to) => {
  to.put(node.name, activate(node.op, node, to, to.read(node.inputs[0]!)));
};

/** Puts a node's value with its activation, if it has one: within the operator where TFLite fuses it, else behind it. */
export function putActivated(
  node: ModelNode,
  to: SegmentWriter,
  write: (activation: number) => TensorIndex,
): void {
  const { activation: name } = fusedOf(node);
  if (name === null) to.put(node.name, write(FUSED.none));
  else if (name === "Relu" || name === "Relu6") to.put(node.name, write(FUSED[name]));
  else to.put(node.name, activate(name, node, to, write(FUSED.none)));
}

function activate(name: string, node: ModelNode, to: SegmentWriter, value: TensorIndex): TensorIndex {
  // Behind input, kernel and bias.
  if (name === "Prelu") return to.add("PRELU", [value, to.read(node.inputs[3]!)], node);
  const type = ACTIVATIONS.get(name);
  if (type === undefined) {
    throw cannotExport(node, `expected ${[...ACTIVATIONS.keys()].join(", ")} or Prelu, got ${name}`);
  }
  const alpha = numberOf(node, "alpha", numberOf(node, "leakyrelu_alpha", 0.2));
  return to.add(type, [value], node, { alpha });
}
