import { elementCount, everyNode, type Model, type ModelNode, type WeightSpec } from "#shared/model";

/** Analytic work of a node, for one image. */
export interface Work {
  /** Which kind of kernel does it: kinds differ in multiply-accumulates per millisecond. */
  readonly kind: KernelKind;
  /** Multiply-accumulates. */
  readonly macs: number;
  /** Values read and written: inputs, weights and output. */
  readonly moved: number;
}

/** `pointwise`: a 1x1 convolution; `dense`: a matrix product; `plain`: all that only moves values. */
export type KernelKind = "conv" | "pointwise" | "depthwise" | "dense" | "plain";

/**
 * Work of every node, by DAG index.
 *
 * A kernel of convolution, depthwise convolution or matrix product, counted at every position of the
 * output, is used once for each of them: macs = positions * kernel elements, where positions are the
 * output's elements without its channels. Everything else costs what it moves.
 */
export function nodeWork(model: Model): readonly Work[] {
  const specs = weightSpecs(model);
  const outputs = model.nodes.map((node) => elementCount(node.tensor.shape));
  return model.nodes.map((node, index): Work => {
    if (index === 0) return { kind: "plain", macs: 0, moved: 0 };
    const read = model.dag.predecessors[index]!.reduce((total, from) => total + outputs[from]!, 0);
    return workOf(node, read, specs);
  });
}

/** The same of the nodes that learned codecs have beside the DAG, by name. */
export function detourWork(model: Model): ReadonlyMap<string, Work> {
  const specs = weightSpecs(model);
  const outputs = new Map(everyNode(model).map(({ name, tensor }) => [name, elementCount(tensor.shape)]));
  const nodes = [...model.detours.values()].flatMap((detour) => detour.nodes);
  return new Map(
    nodes.map((node) => {
      const read = node.inputs.reduce((total, name) => total + (outputs.get(name) ?? 0), 0);
      return [node.name, workOf(node, read, specs)];
    }),
  );
}

type Specs = ReadonlyMap<string, WeightSpec>;

function weightSpecs({ shards }: Model): Specs {
  return new Map(shards.flatMap(({ weights }) => weights.map((spec) => [spec.name, spec] as const)));
}

/** @param read elements of what it reads */
function workOf({ op, tensor, weights }: ModelNode, read: number, specs: Specs): Work {
  const elements = elementCount(tensor.shape);
  const shapes = weights.map((name) => specs.get(name)?.shape ?? []);
  const kernel = KERNEL_OPS.test(op) ? shapes.find((shape) => shape.length >= 2) : undefined;
  const positions = elements / tensor.shape.at(-1)!;
  const held = shapes.reduce((total, shape) => total + elementCount(shape), 0);
  return {
    kind: kernel === undefined ? "plain" : kindOf(op, kernel),
    macs: kernel === undefined ? 0 : positions * elementCount(kernel),
    moved: read + held + elements,
  };
}

function kindOf(op: string, kernel: readonly number[]): KernelKind {
  if (op.includes("Depthwise")) return "depthwise";
  if (op.includes("MatMul")) return "dense";
  return kernel[0] === 1 && kernel[1] === 1 ? "pointwise" : "conv";
}

/**
 * One number to spread a measured time by where nothing better is known. A moved value weighs like
 * `MACS_PER_VALUE` multiply-accumulates: about what SIMD kernels do in the time of one memory access.
 */
export function workUnits(work: Work): number {
  return work.macs + MACS_PER_VALUE * work.moved;
}

const MACS_PER_VALUE = 4;

const KERNEL_OPS = /Conv2D|DepthwiseConv|MatMul/;
