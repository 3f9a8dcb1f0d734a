import type { ModelSummary } from "../../talk/edge.ts";
import { neededFor } from "../words/way.ts";

/** A stretch of the model's trunk that is drawn as one. */
export interface Block {
  /** Counted from 1. */
  readonly number: number;
  /** Its nodes, by name, in the model's order. */
  readonly nodes: readonly string[];
  /** Exits that branch off behind it, or end with it. */
  readonly exits: ModelSummary["exits"];
}

/** No more are drawn: on a phone they must be told apart and touched. */
const MOST = 9;
/** Fewer tell little, where there is more to tell. */
const FEWEST = 6;

interface Stretch {
  readonly nodes: readonly number[];
  readonly key: string;
  /** Where exits branch off a block ends. */
  readonly exits: ModelSummary["exits"];
}

/**
 * The model's trunk, all that its last exit needs, as a few blocks: between nodes that every way passes, by the names
 * that the model gives its parts. A block ends where an exit branches off. The image is none of them.
 */
export function foldModel(model: ModelSummary): readonly Block[] {
  const steps = stretchesOf(model);
  const merged: Stretch[] = [];
  for (const step of steps) {
    const last = merged.at(-1);
    const isSame = last !== undefined && last.exits.length === 0 && last.key === step.key;
    if (isSame) merged[merged.length - 1] = join(last, step);
    else merged.push(step);
  }
  const folded = merged.length < FEWEST ? unfold(merged, steps) : merged;
  return shorten(folded).map(({ nodes, exits }, at) => ({
    number: at + 1,
    nodes: nodes.map((node) => model.nodes[node]!.name),
    exits,
  }));
}

/**
 * What the last exit needs, by name, without other exits' own layers: a last exit that asks earlier ones for their
 * scores would else make one block of all that lies between.
 */
export function trunkOf(model: ModelSummary): readonly string[] {
  const last = model.exits.at(-1)!;
  const others = new Set(model.exits.slice(0, -1).map(({ node }) => keyOf(node)));
  others.delete("");
  others.delete(keyOf(last.node));
  return neededFor(last.id, model).filter((name) => !others.has(keyOf(name)));
}

/** From one node that every way passes to the next one. */
function stretchesOf(model: ModelSummary): readonly Stretch[] {
  const lastExit = model.exits.at(-1)!;
  const named = new Set(trunkOf(model));
  const trunk = model.nodes.flatMap(({ name }, node) => (named.has(name) ? [node] : []));
  const farthest = new Map<number, number>();
  for (const node of trunk) {
    for (const from of model.nodes[node]!.predecessors) farthest.set(from, node);
  }
  const exits = branches(model, named);
  const found: Stretch[] = [];
  let [nodes, reach]: [number[], number] = [[], 0];
  for (const node of trunk) {
    if (node > 0) nodes.push(node);
    const isPassed = reach <= node;
    reach = Math.max(reach, farthest.get(node) ?? node);
    if (!isPassed || nodes.length === 0) continue;
    const own = exits.filter(({ from }) => nodes.includes(from)).map(({ exit }) => exit);
    found.push({ nodes, key: keyOf(model.nodes[node]!.name), exits: own });
    nodes = [];
  }
  // The last exit's own layers are no part of their own, unless they are all there is.
  const tail = keyOf(lastExit.node);
  const before = found.findLast(({ key }) => key !== tail)?.key;
  return found.map((one) => (one.key === tail && before !== undefined ? { ...one, key: before } : one));
}

/** By exit: the last node of the trunk that it needs. The last exit ends with the trunk. */
function branches(model: ModelSummary, trunk: ReadonlySet<string>) {
  return model.exits.map((exit) => {
    const needed = neededFor(exit.id, model).filter((name) => trunk.has(name));
    return { exit, from: model.nodes.findIndex(({ name }) => name === needed.at(-1)) };
  });
}

/** `stage2/block1` of `stage2/block1/conv1`; nothing of a name without parts. */
function keyOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf("/")));
}

function join(a: Stretch, b: Stretch): Stretch {
  return { nodes: [...a.nodes, ...b.nodes], key: b.key, exits: [...a.exits, ...b.exits] };
}

/** Joins neighbours, the smallest first, but never over an exit. */
function shorten(blocks: readonly Stretch[]): readonly Stretch[] {
  if (blocks.length <= MOST) return blocks;
  const size = (at: number): number =>
    blocks[at]!.exits.length > 0
      ? Number.POSITIVE_INFINITY
      : blocks[at]!.nodes.length + blocks[at + 1]!.nodes.length;
  const pairs = blocks.slice(1).map((_, at) => at);
  const at = pairs.reduce((best, pair) => (size(pair) < size(best) ? pair : best), 0);
  if (size(at) === Number.POSITIVE_INFINITY) return blocks;
  return shorten([...blocks.slice(0, at), join(blocks[at]!, blocks[at + 1]!), ...blocks.slice(at + 2)]);
}

/** Halves the longest, as long as there are few and something is to be halved. */
function unfold(blocks: readonly Stretch[], steps: readonly Stretch[]): readonly Stretch[] {
  if (blocks.length >= FEWEST) return blocks;
  const stepsOf = ({ nodes }: Stretch): readonly Stretch[] =>
    steps.filter((step) => nodes.includes(step.nodes[0]!));
  const counts = blocks.map((block) => stepsOf(block).length);
  const at = counts.indexOf(Math.max(...counts));
  if (counts[at]! < 2) return blocks;
  const parts = stepsOf(blocks[at]!);
  const middle = parts.length >> 1;
  const halves = [parts.slice(0, middle), parts.slice(middle)].map((half) => half.reduce(join));
  return unfold([...blocks.slice(0, at), ...halves, ...blocks.slice(at + 1)], steps);
}
