import { EddiError } from "#shared/errors";
import { type Attr, type Constant, type GraphNode, typeAttr } from "../graph-model/node-def.ts";
import { activationOf, type Layer, outputShape } from "./layers.ts";

const FLOAT = { T: typeAttr("float32") };

/** TensorFlow's operations of the activations that have one. */
const OPS: Readonly<Record<string, string>> = {
  relu: "Relu",
  relu6: "Relu6",
  elu: "Elu",
  selu: "Selu",
  sigmoid: "Sigmoid",
  softmax: "Softmax",
  softplus: "Softplus",
  tanh: "Tanh",
};

/** Every activation that `activationNodes` knows. */
export const KNOWN_ACTIVATIONS = [...Object.keys(OPS), "leakyrelu", "swish", "hardSigmoid"];

/**
 * The nodes of a layer's activation; the last one gives its output.
 *
 * @param name  of the last node
 * @param input name of the node that it reads
 * @throws EddiError `bad-model` naming a layer whose activation cannot be exported
 */
export function activationNodes(layer: Layer, name: string, input: string): readonly GraphNode[] {
  const shape = outputShape(layer);
  const node = (
    op: string,
    inputs: readonly string[],
    part = name,
    constants: readonly Constant[] = [],
    attr: Readonly<Record<string, Attr>> = {},
  ): GraphNode => ({
    name: part,
    op,
    inputs: [...inputs, ...constants.map((one) => one.name)],
    constants,
    attr: { ...FLOAT, ...attr },
    shape,
  });
  const scalar = (part: string, value: number): Constant => ({
    name: `${name}/${part}`,
    dtype: "float32",
    shape: [],
    values: Float32Array.of(value),
  });
  const { maxValue, alpha, axis } = layer.getConfig() as Readonly<Record<string, unknown>>;
  const kind = activationOf(layer);
  const refuse = (expected: string, came: unknown): never => {
    throw new EddiError("bad-model", `layer ${layer.name}: expected ${expected}, got ${came}`);
  };
  if (maxValue != null) return maxValue === 6 ? [node("Relu6", [input])] : refuse("maxValue 6", maxValue);
  if (layer.getClassName() === "ELU" && alpha !== undefined && alpha !== 1) refuse("alpha 1", alpha);
  if (kind === "softmax" && axis != null && axis !== -1 && axis !== shape.length) refuse("axis -1", axis);
  const op = OPS[kind];
  if (op !== undefined) return [node(op, [input])];
  switch (kind) {
    case "leakyrelu":
      return [node("LeakyRelu", [input], name, [], { alpha: { f: Number(alpha ?? 0.3) } })];
    case "swish":
      return [node("Sigmoid", [input], `${name}/sigmoid`), node("Mul", [input, `${name}/sigmoid`])];
    case "hardSigmoid": {
      // clip(0.2 x + 0.5, 0, 1)
      const scaled = node("Mul", [input], `${name}/scaled`, [scalar("slope", 0.2)]);
      const moved = node("AddV2", [scaled.name], `${name}/moved`, [scalar("middle", 0.5)]);
      const above = node("Relu", [moved.name], `${name}/above`);
      return [scaled, moved, above, node("Minimum", [above.name], name, [scalar("most", 1)])];
    }
    default:
      return refuse(`activation linear, ${KNOWN_ACTIVATIONS.join(", ")}`, kind);
  }
}
