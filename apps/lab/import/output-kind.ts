import type { OutputKind } from "#shared/model";
import type { Constant } from "../graph-model/node-def.ts";
import { textsOf } from "./attributes.ts";
import { type ForeignGraph, type ForeignNode, titleOf } from "./graph.ts";

/** Rows of probabilities sum to 1 within this. */
const SUM_TOLERANCE = 1e-3;

/** Operations that give the values that they get. */
const SAME_VALUES = new Set(["Reshape", "Squeeze", "ExpandDims", "Transpose"]);
/** Operations that keep values apart, from below or from above. */
const CLIPS = new Set(["Minimum", "Maximum", "ClipByValue"]);
const PRODUCTS = new Set(["MatMul", "_FusedMatMul", "Conv2D", "_FusedConv2D"]);
/** Operations that logits may go through: an offset, a mean over the places of a feature map. */
const AFTER_PRODUCTS = new Set([...SAME_VALUES, "BiasAdd", "Add", "AddV2", "Mean", "AvgPool"]);

/** What an exit's scores surely are, or what speaks against being sure. */
export type Found =
  | { readonly kind: OutputKind }
  | { readonly kind: null; readonly why: string; readonly isMadeOfChances: boolean };

/**
 * What scores are, as far as it is certain: from the operations that they end in, and from what they were for some
 * images. Logits are never certain: an embedding and a prediction of numbers end in a sum as well.
 *
 * @param rows scores of some images
 */
export function findKind(graph: ForeignGraph, exit: string, rows: readonly Float32Array[]): Found {
  const end = endOf(graph, exit);
  const { op } = end.node;
  const width = rows[0]?.length ?? 0;
  if (op === "Sigmoid" && rows.every(areChances)) return { kind: "sigmoid" };
  if (width > 1 && rows.every(areProbabilities)) return { kind: "softmax" };
  const after = end.between === null ? "" : `, then ${titleOf(end.between)}`;
  const count = width === 1 ? "one value ends" : `${width} values end`;
  return {
    kind: null,
    why: `${count} in ${titleOf(end.node)}${after}`,
    isMadeOfChances: end.between !== null,
  };
}

/** Whether scores end in a sum of products, as logits do, and not in a function of one. */
export function endsInSum({ nodes }: ForeignGraph, exit: string): boolean {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  let node = byName.get(exit);
  while (node !== undefined && AFTER_PRODUCTS.has(node.op)) {
    const [input, ...others] = node.inputs.flatMap((name) => byName.get(name) ?? []);
    node = others.length > 0 ? undefined : input;
  }
  return (
    node !== undefined &&
    PRODUCTS.has(node.op) &&
    textsOf(node.attr, "fused_ops").every((op) => op === "BiasAdd")
  );
}

/** Why scores cannot be what the user says they are; null when they can. */
export function objectionTo(kind: OutputKind, found: Found, rows: readonly Float32Array[]): string | null {
  const width = rows[0]?.length ?? 0;
  const sums = rows.map((row) => row.reduce((sum, value) => sum + value, 0).toPrecision(4));
  switch (kind) {
    case "softmax":
      if (width < 2) return "expected 2 classes or more, got one value";
      return rows.every(areProbabilities)
        ? null
        : `expected probabilities that sum to 1, got sums of ${sums.join(", ")}`;
    case "logits":
      if (width < 2) return "expected 2 classes or more, got one value";
      if (found.kind === null && !found.isMadeOfChances) return null;
      return `expected scores before their softmax or sigmoid, got ${found.kind ?? "what is made of such"}`;
    case "sigmoid": {
      if (found.kind === "softmax")
        return "expected a chance of its own for every label, got chances that sum to 1";
      const out = rows.flatMap((row) => [...row]).find((value) => value < 0 || value > 1);
      return out === undefined ? null : `expected chances from 0 to 1, got ${out.toPrecision(4)}`;
    }
    default:
      return null;
  }
}

interface End {
  /** The node that makes the values, rather than passing them on. */
  readonly node: ForeignNode;
  /** What changes them after a softmax or sigmoid; null where nothing does. */
  readonly between: ForeignNode | null;
}

function endOf({ nodes, constants }: ForeignGraph, exit: string): End {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  let node = byName.get(exit) as ForeignNode;
  const passes = (one: ForeignNode): string | undefined => {
    if (SAME_VALUES.has(one.op)) return one.inputs[0];
    return CLIPS.has(one.op) && leavesChances(one, constants)
      ? one.inputs.find((input) => byName.has(input))
      : undefined;
  };
  for (let input = passes(node); input !== undefined; input = passes(node)) {
    const before = byName.get(input);
    if (before === undefined) break;
    node = before;
  }
  // What is made of a softmax or sigmoid by one more step says why its kind is not certain.
  const made = node.inputs
    .map((input) => byName.get(input))
    .find((one) => one?.op === "Softmax" || one?.op === "Sigmoid");
  return made === undefined ? { node, between: null } : { node: made, between: node };
}

/** Whether all limits of a clip lie within 0..1, so that a chance stays one. */
function leavesChances({ inputs }: ForeignNode, constants: ReadonlyMap<string, Constant>): boolean {
  const limits = inputs.flatMap((input) => [...(constants.get(input)?.values ?? [])]);
  return limits.length > 0 && limits.every((limit) => limit >= 0 && limit <= 1);
}

const areChances = (row: Float32Array): boolean => row.every((value) => value >= 0 && value <= 1);

function areProbabilities(row: Float32Array): boolean {
  const sum = row.reduce((total, value) => total + value, 0);
  return Math.abs(sum - 1) <= SUM_TOLERANCE && row.every((value) => value >= -SUM_TOLERANCE);
}
