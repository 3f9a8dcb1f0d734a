import { numberOf } from "#shared/exporting";
import type { OperatorName } from "../writing/schema.ts";
import { cannotExport, type Operation } from "../writing/segment-writer.ts";

/** Each number by itself. */
export const unary =
  (type: OperatorName): Operation =>
  (node, to) =>
    to.put(node.name, to.add(type, [to.read(node.inputs[0]!)], node));

/** Number by number, where what is smaller is repeated. */
export const binary =
  (type: OperatorName): Operation =>
  (node, to) => {
    const values = node.inputs.map((name) => to.read(name));
    to.put(node.name, to.add(type, values, node));
  };

/** `AddN`, of any number of values. */
export const sum: Operation = (node, to) => {
  const values = node.inputs.map((name) => to.read(name));
  to.put(
    node.name,
    values.reduce((before, value) => to.add("ADD", [before, value], node)),
  );
};

export const reciprocal: Operation = (node, to) => {
  const one = to.numbers(`${node.name}/one`, { shape: [], values: Float32Array.of(1) });
  to.put(node.name, to.add("DIV", [one, to.read(node.inputs[0]!)], node));
};

/** `FusedBatchNormV3` and those before it, as in inference: channel by channel a factor and an offset. */
export const batchNorm: Operation = (node, to) => {
  if (node.inputs.length !== 5) throw cannotExport(node, "expected scale, offset, mean and variance");
  const [scale, offset, mean, variance] = [1, 2, 3, 4].map((at) => to.floatsOf(node, at).values);
  const epsilon = numberOf(node, "epsilon", 1e-4);
  const factors = scale!.map((value, at) => value / Math.sqrt(variance![at]! + epsilon));
  const offsets = offset!.map((value, at) => value - mean![at]! * factors[at]!);
  const shape = [factors.length];
  const scaled = to.add(
    "MUL",
    [to.read(node.inputs[0]!), to.numbers(`${node.name}/factor`, { shape, values: factors })],
    node,
  );
  to.put(
    node.name,
    to.add("ADD", [scaled, to.numbers(`${node.name}/offset`, { shape, values: offsets })], node),
  );
};

/** Over the last axis. */
export const softmax =
  (type: "SOFTMAX" | "LOG_SOFTMAX"): Operation =>
  (node, to) =>
    to.put(node.name, to.add(type, [to.read(node.inputs[0]!)], node, { beta: 1 }));
