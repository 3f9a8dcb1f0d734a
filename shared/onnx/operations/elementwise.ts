import { numberOf } from "#shared/exporting";
import { cannotExport, type Operation } from "../writing/segment-writer.ts";
import { ACTIVATIONS } from "./activation.ts";

/** Each number by itself. */
export const unary =
  (...opTypes: readonly string[]): Operation =>
  (node, to) => {
    const layout = to.layoutFor(node);
    const first = to.read(node.inputs[0]!, layout);
    const value = opTypes.reduce((before, opType) => to.add(opType, [before], node), first);
    to.put(node.name, value, layout);
  };

/** Number by number, where what is smaller is repeated. */
export const binary =
  (opType: string): Operation =>
  (node, to) => {
    const layout = to.layoutFor(node);
    const values = node.inputs.map((name) => to.read(name, layout));
    to.put(node.name, to.add(opType, values, node), layout);
  };

export const activation: Operation = (node, to) => {
  const layout = to.layoutFor(node);
  to.put(node.name, ACTIVATIONS.get(node.op)!(to.read(node.inputs[0]!, layout), node, to), layout);
};

/** `Square`: of a number with itself. */
export const square: Operation = (node, to) => {
  const layout = to.layoutFor(node);
  const value = to.read(node.inputs[0]!, layout);
  to.put(node.name, to.add("Mul", [value, value], node), layout);
};

export const squaredDifference: Operation = (node, to) => {
  const layout = to.layoutFor(node);
  const values = node.inputs.map((name) => to.read(name, layout));
  const difference = to.add("Sub", values, node);
  to.put(node.name, to.add("Mul", [difference, difference], node), layout);
};

/** `FusedBatchNormV3` and those before it, as in inference. */
export const batchNorm: Operation = (node, to) => {
  const [value, ...statistics] = node.inputs;
  if (statistics.length !== 4) throw cannotExport(node, "expected scale, offset, mean and variance");
  const inputs = [to.read(value!, "channels-first"), ...statistics.map((name) => to.read(name, "given"))];
  const epsilon = { float: numberOf(node, "epsilon", 1e-4) };
  to.put(node.name, to.add("BatchNormalization", inputs, node, { epsilon }), "channels-first");
};

/** Over the last axis. */
export const softmax =
  (opType: "Softmax" | "LogSoftmax"): Operation =>
  (node, to) => {
    to.put(node.name, to.add(opType, [to.read(node.inputs[0]!, "given")], node, { axis: -1 }), "given");
  };
