import { EddiError } from "#shared/errors";
import { transposed, type Weight } from "#shared/exporting";
import { elementCount, everyNode, type Model, type ModelNode } from "#shared/model";
import { GraphBuilder } from "./graph-builder.ts";
import { type Layout, TO_CHANNELS_FIRST, TO_CHANNELS_LAST } from "./layout.ts";
import { rounded, type Scale } from "./quantisation.ts";
import type { Attributes } from "./schema.ts";

/** How an operation of TensorFlow is written in ONNX: it reads its inputs and puts its one output. */
export type Operation = (node: ModelNode, to: SegmentWriter) => void;

const MAP_RANK = 4;

/**
 * The values of a segment while it is written. Each is there in the layout that its operation left it in, and in the
 * other one once it is asked for: maps stay channels first from one convolution to the next.
 */
export class SegmentWriter {
  readonly graph: GraphBuilder;
  private readonly nodes: ReadonlyMap<string, ModelNode>;
  private readonly weights: ReadonlyMap<string, Weight>;
  private readonly scales: ReadonlyMap<string, Scale>;
  private readonly values = new Map<string, string>();

  /**
   * @param reserved names of the segment's feeds and outputs
   * @param scales   of the nodes whose values are quantised
   */
  constructor(
    model: Model,
    weights: ReadonlyMap<string, Weight>,
    reserved: readonly string[],
    scales: ReadonlyMap<string, Scale>,
  ) {
    this.nodes = new Map(everyNode(model).map((node) => [node.name, node]));
    this.weights = weights;
    this.scales = scales;
    this.graph = new GraphBuilder(reserved);
  }

  /** Adds an operation of ONNX, named after the node. @returns its output */
  add(opType: string, inputs: readonly string[], { name }: ModelNode, attributes: Attributes = {}): string {
    return this.graph.add(opType, inputs, name, attributes);
  }

  put(name: string, value: string, layout: Layout): void {
    const scale = this.scales.get(name);
    const put = scale === undefined ? value : rounded(this.graph, value, name, scale);
    this.values.set(keyOf(name, layout), put);
  }

  /** How a node's values are quantised; undefined where they are not. */
  scaleOf(name: string): Scale | undefined {
    return this.scales.get(name);
  }

  /**
   * @param name of a node that was put, or a constant
   * @throws EddiError `bad-model` for a constant that has no such layout
   */
  read(name: string, layout: Layout): string {
    const key = keyOf(name, layout);
    const found = this.values.get(key) ?? (this.isConstant(name) ? this.constant(name, layout) : null);
    const value = found ?? this.turned(name, layout);
    this.values.set(key, value);
    return value;
  }

  /** The layout in which an operation that keeps axes apart does best: channels first for maps, and what goes with them. */
  layoutFor({ name, inputs }: ModelNode): Layout {
    const areMaps = [name, ...inputs].every((one) => this.isConstant(one) || this.isMap(one));
    return areMaps ? "channels-first" : "given";
  }

  isMap(name: string): boolean {
    return this.shapeOf(name).length === MAP_RANK;
  }

  isConstant(name: string): boolean {
    return this.weights.has(name);
  }

  /** As in TF.js; the batch axis of what depends on the image is -1. */
  shapeOf(name: string): readonly number[] {
    const weight = this.weights.get(name);
    return weight === undefined ? [-1, ...this.nodes.get(name)!.tensor.shape] : weight.shape;
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

  /** A constant's whole numbers: axes, sides. */
  integersOf(node: ModelNode, input: number): readonly number[] {
    return [...this.constantOf(node, input).values];
  }

  private constant(name: string, layout: Layout): string {
    const { shape, values } = this.weights.get(name)!;
    const numbers = Float32Array.from(values);
    // One number for all goes with any layout; what lacks axes has none in front.
    const isTurned = layout === "channels-first" && shape.length > 0;
    const whole = [...Array<number>(Math.max(0, MAP_RANK - shape.length)).fill(1), ...shape];
    const lies = isTurned ? transposed({ shape: whole, values: numbers }, TO_CHANNELS_FIRST) : null;
    return this.graph.constant(name, "float32", lies?.shape ?? shape, lies?.values ?? numbers);
  }

  private turned(name: string, layout: Layout): string {
    const [from, perm] =
      layout === "given"
        ? (["channels-first", TO_CHANNELS_LAST] as const)
        : (["given", TO_CHANNELS_FIRST] as const);
    const value = this.values.get(keyOf(name, from))!;
    // Where there is one pixel only, or one channel, nothing moves.
    const [, height, width, channels] = this.shapeOf(name);
    if (elementCount([height!, width!]) === 1 || channels === 1) {
      const sides = layout === "given" ? [height!, width!, channels!] : [channels!, height!, width!];
      const shape = this.graph.integers(`${name}/shape`, [-1, ...sides]);
      return this.graph.add("Reshape", [value, shape], name);
    }
    return this.graph.add("Transpose", [value], name, { perm });
  }
}

/** For what a segment that has the node cannot be made ONNX. */
export function cannotExport({ name, op }: ModelNode, why: string): EddiError {
  return new EddiError("bad-model", `${name} (${op}) cannot be exported to ONNX: ${why}`);
}

const keyOf = (name: string, layout: Layout): string => `${layout} ${name}`;
