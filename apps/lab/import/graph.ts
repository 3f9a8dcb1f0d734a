import type { OutputKind } from "#shared/model";
import type { Attr, Constant } from "../graph-model/node-def.ts";

/** A foreign model between reading and writing: what computes, constants apart, nothing idle left. */
export interface ForeignGraph {
  /** Inputs before readers; the first one is the image's placeholder. */
  readonly nodes: readonly ForeignNode[];
  readonly constants: ReadonlyMap<string, Constant>;
  /** Nodes whose outputs are scores, earliest first. */
  readonly exits: readonly ForeignExit[];
}

export interface ForeignNode {
  readonly name: string;
  /** TensorFlow's name of the operation. */
  readonly op: string;
  /** Names of nodes and constants, in the operation's order. */
  readonly inputs: readonly string[];
  readonly attr: Readonly<Record<string, Attr>>;
}

export interface ForeignExit {
  readonly id: string;
  /** In the graph as it is now. */
  readonly node: string;
  /** In the model as it came. */
  readonly original: string;
  /** What its scores are, once that is settled. */
  readonly output?: OutputKind;
}

/** How nodes are named in messages: with their operation. */
export const titleOf = ({ name, op }: Pick<ForeignNode, "name" | "op">): string => `${name} (${op})`;

/** Node names by the names of what they read. */
export function readersOf({ nodes }: ForeignGraph): Map<string, ForeignNode[]> {
  const readers = new Map<string, ForeignNode[]>();
  for (const node of nodes) {
    for (const input of node.inputs) readers.set(input, [...(readers.get(input) ?? []), node]);
  }
  return readers;
}

/** The graph without nodes and constants that no exit needs; each exit's branch right after it leaves the trunk. */
export function pruned(graph: ForeignGraph): ForeignGraph {
  const byName = new Map(graph.nodes.map((node) => [node.name, node]));
  const kept = new Set<ForeignNode>();
  const opened = new Set<ForeignNode>();
  const visit = (name: string): void => {
    // A stack of our own: graphs are deeper than calls may be.
    const stack: { readonly node: ForeignNode; next: number }[] = [];
    const open = (at: string): void => {
      const node = byName.get(at);
      if (node === undefined || opened.has(node)) return;
      opened.add(node);
      stack.push({ node, next: 0 });
    };
    open(name);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const input = top.node.inputs[top.next++];
      if (input !== undefined) open(input);
      else {
        kept.add(top.node);
        stack.pop();
      }
    }
  };
  for (const { node } of graph.exits) visit(node);
  const read = new Set([...kept].flatMap(({ inputs }) => inputs));
  return {
    ...graph,
    nodes: [...kept],
    constants: new Map([...graph.constants].filter(([name]) => read.has(name))),
  };
}

/** The graph with its exits in order, earliest first: those that need fewer nodes. One exit is called `full`. */
export function withOrderedExits(graph: ForeignGraph): ForeignGraph {
  const depth = new Map(graph.exits.map((exit) => [exit, pruned({ ...graph, exits: [exit] }).nodes.length]));
  const ordered = graph.exits.toSorted((a, b) => (depth.get(a) as number) - (depth.get(b) as number));
  const isOne = ordered.length === 1;
  return { ...graph, exits: ordered.map((exit, at) => ({ ...exit, id: isOne ? "full" : `exit${at + 1}` })) };
}

/** A name that neither a node nor a constant has. */
export function freeName({ nodes, constants }: ForeignGraph, wanted: string): string {
  const taken = new Set([...nodes.map(({ name }) => name), ...constants.keys()]);
  let name = wanted;
  for (let at = 1; taken.has(name); at++) name = `${wanted}_${at}`;
  return name;
}
