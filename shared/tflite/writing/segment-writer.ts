import { EddiError } from "#shared/errors";
import type { Weight } from "#shared/exporting";
import { everyNode, type Model, type ModelNode } from "#shared/model";
import { encodeModel, type OperatorName, type TfliteOperator, type TfliteTensor } from "./schema.ts";

/** How an operation of TensorFlow is written in TFLite: it reads its inputs and puts its one output. */
export type Operation = (node: ModelNode, to: SegmentWriter) => void;

/** A tensor of the file, by its place there. */
export type TensorIndex = number;

/** The values of a segment while it is written, for one image: axes lie as in TF.js. */
export class SegmentWriter {
  private readonly nodes: ReadonlyMap<string, ModelNode>;
  private readonly weights: ReadonlyMap<string, Weight>;
  private readonly tensors: TfliteTensor[] = [];
  private readonly operators: TfliteOperator[] = [];
  private readonly values = new Map<string, TensorIndex>();

  constructor(model: Model, weights: ReadonlyMap<string, Weight>) {
    this.nodes = new Map(everyNode(model).map((node) => [node.name, node]));
    this.weights = weights;
  }

  /** Makes a node's tensor, which is fed. */
  feed(name: string): TensorIndex {
    const tensor = this.tensor(name, this.shapeOf(name), null);
    this.values.set(name, tensor);
    return tensor;
  }

  /**
   * Adds an operator.
   *
   * @param shape of what it gives; the node's where it is absent
   * @returns what it gives
   */
  add(
    type: OperatorName,
    inputs: readonly TensorIndex[],
    { name }: ModelNode,
    options: Readonly<Record<string, number>> = {},
    shape: readonly number[] = this.shapeOf(name),
  ): TensorIndex {
    const output = this.tensor(name, shape, null);
    this.operators.push({ type, inputs, output, options });
    return output;
  }

  put(name: string, tensor: TensorIndex): void {
    this.values.set(name, tensor);
  }

  /** @param name of a node that was put, or a constant, which is float32 here whatever it was */
  read(name: string): TensorIndex {
    const known = this.values.get(name);
    if (known !== undefined) return known;
    const { shape, values } = this.weights.get(name)!;
    const tensor = this.tensor(name, shape, Float32Array.from(values));
    this.values.set(name, tensor);
    return tensor;
  }

  numbers(about: string, { shape, values }: Omit<Weight, "values"> & { readonly values: Float32Array }) {
    return this.tensor(about, shape, values);
  }

  integers(
    about: string,
    values: readonly number[],
    shape: readonly number[] = [values.length],
  ): TensorIndex {
    return this.tensor(about, shape, Int32Array.from(values));
  }

  /** As in TF.js, of one image. */
  shapeOf(name: string): readonly number[] {
    return this.weights.get(name)?.shape ?? [1, ...this.nodes.get(name)!.tensor.shape];
  }

  /** @throws EddiError `bad-model` for what is no constant */
  constantOf(node: ModelNode, input: number): Weight {
    const name = node.inputs[input];
    const weight = name === undefined ? undefined : this.weights.get(name);
    if (weight === undefined) {
      throw cannotExport(node, `expected a constant as input ${input}, got ${name ?? "none"}`);
    }
    return weight;
  }

  /** @throws EddiError `bad-model` for what is no constant of float32 */
  floatsOf(
    node: ModelNode,
    input: number,
  ): { readonly shape: readonly number[]; readonly values: Float32Array } {
    const { shape, values } = this.constantOf(node, input);
    if (!(values instanceof Float32Array)) throw cannotExport(node, `expected float32 as input ${input}`);
    return { shape, values };
  }

  /** A constant's whole numbers: axes, sides. */
  integersOf(node: ModelNode, input: number): readonly number[] {
    return [...this.constantOf(node, input).values];
  }

  /** @returns a file of TFLite */
  finish(name: string, inputs: readonly TensorIndex[], outputs: readonly string[]): Uint8Array {
    const { tensors, operators } = this;
    const given = outputs.map((output) => this.outputOf(output, inputs));
    return encodeModel({ name, tensors, operators, inputs, outputs: given });
  }

  /** What is fed goes out as another tensor. */
  private outputOf(name: string, inputs: readonly TensorIndex[]): TensorIndex {
    const tensor = this.values.get(name)!;
    if (!inputs.includes(tensor)) return tensor;
    const shape = this.shapeOf(name);
    return this.add("RESHAPE", [tensor, this.integers(`${name}/shape`, shape)], this.nodes.get(name)!);
  }

  private tensor(name: string, shape: readonly number[], values: TfliteTensor["values"]): TensorIndex {
    return this.tensors.push({ name, shape, values }) - 1;
  }
}

/** For what a segment that has the node cannot be made TFLite. */
export function cannotExport({ name, op }: ModelNode, why: string): EddiError {
  return new EddiError("bad-model", `${name} (${op}) cannot be exported to TFLite: ${why}`);
}
