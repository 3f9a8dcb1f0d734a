import { elementCount, type Model, type WeightSpec } from "#shared/model";

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
  const weights = new Map<string, WeightSpec>(
    model.shards.flatMap((shard) => shard.weights.map((spec): [string, WeightSpec] => [spec.name, spec])),
  );
  const outputs = model.nodes.map((node) => elementCount(node.tensor.shape));
  return model.nodes.map((node, index): Work => {
    if (index === 0) return { kind: "plain", macs: 0, moved: 0 };
    const shapes = node.weights.map((name) => weights.get(name)?.shape ?? []);
    const kernel = KERNEL_OPS.test(node.op) ? shapes.find((shape) => shape.length >= 2) : undefined;
    const positions = outputs[index]! / node.tensor.shape.at(-1)!;
    const read = model.dag.predecessors[index]!.reduce((total, from) => total + outputs[from]!, 0);
    const held = shapes.reduce((total, shape) => total + elementCount(shape), 0);
    return {
      kind: kernel === undefined ? "plain" : kindOf(node.op, kernel),
      macs: kernel === undefined ? 0 : positions * elementCount(kernel),
      moved: read + held + outputs[index]!,
    };
  });
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
