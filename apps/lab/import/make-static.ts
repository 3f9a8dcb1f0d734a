import type { Tensor4D } from "@tensorflow/tfjs-core";
import type { Constant } from "../graph-model/node-def.ts";
import type { Reasons } from "../graph-model/reasons.ts";
import { type Dependence, dependences } from "./check-operations.ts";
import { type ForeignGraph, type ForeignNode, freeName, pruned, readersOf, titleOf } from "./graph.ts";
import { type NodeValue, runAll } from "./run-graph.ts";

/** A graph whose every node computes from the image, and what each gives for one image. */
export interface StaticGraph {
  readonly graph: ForeignGraph;
  /** Of every node, without the batch axis. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** For one image, of every exit. */
  readonly scores: ReadonlyMap<string, readonly Float32Array[]>;
  /** Nodes that became constants. */
  readonly folded: number;
}

/** Two runs of one image each and one of both may differ by so much, relatively and absolutely. */
const CLOSE = 1e-3;

/**
 * Makes constants of all that does not hang on the image, and lets shapes that hang on the number of images
 * take any number. Runs the graph for one image, another one, and both at once, and checks that every tensor
 * has the batch as its first axis and that no image changes what another gives.
 *
 * @param pair    two images, float32 [1, height, width, channels] each; they stay the caller's
 * @param both    the same in one batch
 * @param reasons gets the nodes that cannot be cut
 * @throws EddiError `bad-model` naming a node that TF.js cannot run
 */
export function makeStatic(
  graph: ForeignGraph,
  pair: readonly [Tensor4D, Tensor4D],
  both: Tensor4D,
  reasons: Reasons,
): StaticGraph {
  const one = runAll(graph, pair[0]);
  const unbound = withoutFixedBatch(graph, one);
  const two = runAll(unbound, both);
  const made = withConstants(unbound, one, two, reasons);
  const other = runAll(made, pair[1]);
  const merged = made === unbound ? two : runAll(made, both);
  for (const node of made.nodes) {
    const values = [one, other, merged].map((run) => run.get(node.name) as NodeValue);
    const why = objection(values as [NodeValue, NodeValue, NodeValue]);
    if (why !== null) reasons.add(titleOf(node), why);
  }
  return {
    graph: made,
    shapes: new Map(made.nodes.map(({ name }) => [name, (one.get(name) as NodeValue).shape.slice(1)])),
    scores: new Map(
      made.exits.map(({ node }) => [
        node,
        [one, other].map((run) => (run.get(node) as NodeValue).values as Float32Array),
      ]),
    ),
    folded: graph.nodes.length - made.nodes.length,
  };
}

/** A Reshape to a batch of one becomes one to any batch; whether that is right, the runs will tell. */
function withoutFixedBatch(graph: ForeignGraph, one: ReadonlyMap<string, NodeValue>): ForeignGraph {
  const depends = dependences(graph);
  const constants = new Map(graph.constants);
  const nodes = graph.nodes.map((node): ForeignNode => {
    const [input = "", shape = ""] = node.inputs;
    const target = constants.get(shape);
    const isFixed = node.op === "Reshape" && depends.get(input) === "image" && target?.values[0] === 1;
    const gives = one.get(node.name)?.shape ?? [];
    if (!isFixed || gives.length < 2) return node;
    const constant = shapeConstant(freeName({ ...graph, constants }, `${node.name}/any_batch`), gives);
    constants.set(constant.name, constant);
    return { ...node, inputs: [input, constant.name] };
  });
  return pruned({ ...graph, nodes, constants });
}

/** Everything that hangs on nothing, or only on how many images there are, as constants. */
function withConstants(
  graph: ForeignGraph,
  one: ReadonlyMap<string, NodeValue>,
  two: ReadonlyMap<string, NodeValue>,
  reasons: Reasons,
): ForeignGraph {
  const depends = dependences(graph);
  const readers = readersOf(graph);
  const constants = new Map(graph.constants);
  const moved = new Map<ForeignNode, readonly string[]>();
  const ofImage = (node: ForeignNode): boolean => (depends.get(node.name) as Dependence) === "image";
  for (const node of graph.nodes.filter((node) => !ofImage(node))) {
    const [a, b] = [one.get(node.name) as NodeValue, two.get(node.name) as NodeValue];
    const isSame = `${a.shape}` === `${b.shape}` && a.values.every((value, at) => value === b.values[at]);
    if (isSame) {
      constants.set(node.name, constantOf(node.name, a));
      continue;
    }
    for (const reader of readers.get(node.name) ?? []) {
      if (!ofImage(reader)) continue;
      const isTarget = reader.op === "Reshape" && reader.inputs[1] === node.name;
      const gives = one.get(reader.name)?.shape ?? [];
      if (isTarget && gives[0] === 1 && gives.length >= 2) {
        const constant = shapeConstant(freeName({ ...graph, constants }, `${reader.name}/any_batch`), gives);
        constants.set(constant.name, constant);
        moved.set(reader, [reader.inputs[0] as string, constant.name]);
      } else reasons.add(titleOf(reader), `reads ${titleOf(node)}, which hangs on the number of images`);
    }
  }
  const nodes = graph.nodes
    .filter((node) => !constants.has(node.name))
    .map((node) => ({ ...node, inputs: moved.get(node) ?? node.inputs }));
  const made = pruned({ ...graph, nodes, constants });
  return made.nodes.length === graph.nodes.length && moved.size === 0 ? graph : made;
}

/** Why a tensor cannot be cut; null when it can. */
function objection([one, other, both]: readonly [NodeValue, NodeValue, NodeValue]): string | null {
  if (one.dtype !== "float32") {
    return `its output depends on the image and is ${one.dtype}: only float32 tensors can be cut`;
  }
  const shown = `[${one.shape}] for one image, [${both.shape}] for two`;
  const isBatch =
    one.shape[0] === 1 && both.shape[0] === 2 && `${one.shape.slice(1)}` === `${both.shape.slice(1)}`;
  if (!isBatch) return `expected the batch as its first axis, got ${shown}`;
  if (`${one.shape}` !== `${other.shape}`) {
    return `expected one shape for all images, got [${one.shape}] and [${other.shape}]`;
  }
  if (one.shape.length < 2) return `expected an axis beside the batch, got ${shown}`;
  if (one.shape.includes(0)) return `expected values, got ${shown}`;
  const each = one.values.length;
  const isClose = (values: NodeValue["values"], from: number): boolean =>
    values.every((value, at) => {
      const batched = both.values[from + at] as number;
      if (!Number.isFinite(value)) return Object.is(value, batched);
      return Math.abs(value - batched) <= CLOSE * (1 + Math.abs(value));
    });
  if (isClose(one.values, 0) && isClose(other.values, each)) return null;
  return "it mixes the images of a batch: two at once give something else than each by itself";
}

function constantOf(name: string, { shape, values, dtype }: NodeValue): Constant {
  return { name, shape, values, dtype: dtype as Constant["dtype"] };
}

/** The shape to reshape to: what it is for one image, with any batch. */
function shapeConstant(name: string, [, ...rest]: readonly number[]): Constant {
  return { name, dtype: "int32", shape: [rest.length + 1], values: Int32Array.from([-1, ...rest]) };
}
