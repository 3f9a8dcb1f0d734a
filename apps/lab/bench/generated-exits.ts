import type { ExitCosts } from "#shared/evaluator";
import { ancestors, buildDag, subgraph } from "#shared/graph";
import { type Random, randomFor } from "#shared/random";

/** Shapes of DAGs: those of known families of networks, and one without any. */
export const DAG_KINDS = ["chain", "residual", "inception", "dense", "random"] as const;
export type DagKind = (typeof DAG_KINDS)[number];

/**
 * Four exits, at a quarter, half, three quarters and the end of a generated DAG. Times and sizes are drawn as
 * networks have them: tensors shrink with depth, most nodes are faster in the cloud, some are not.
 *
 * @param nodes of the whole DAG, the image included; 10 or more
 */
export function generatedExits(kind: DagKind, nodes: number, seed: number): readonly ExitCosts[] {
  const random = randomFor(seed, DAG_KINDS.indexOf(kind), nodes);
  const predecessors = shapes[kind](nodes, random);
  const names = predecessors.map((_, node) => `n${node}`);
  const dag = buildDag(
    names,
    predecessors.flatMap((from, node) => from.map((one): [string, string] => [names[one]!, names[node]!])),
  );
  const scatter = (spread: number): number => Math.exp(spread * (2 * random() - 1));
  const edgeMs = names.map((_, node) => (node === 0 ? 0 : (200 / nodes) * scatter(1.5)));
  const cloudMs = edgeMs.map((ms) => (random() < 0.1 ? ms * scatter(1) : (ms / 8) * scatter(0.5)));
  const wireBytes = names.map((_, node) => 60_000 * 2 ** ((-4 * node) / nodes) * scatter(1.2));
  const edgeCutMs = wireBytes.map((bytes) => bytes * 1e-5);
  const cloudCutMs = wireBytes.map((bytes) => bytes * 2e-6);
  return [0.25, 0.5, 0.75, 1].map((share, position): ExitCosts => {
    const needed = ancestors(dag, Math.round(share * (nodes - 1)));
    const prune = (values: readonly number[]): number[] => values.filter((_, node) => needed[node]);
    return {
      exit: `exit${position + 1}`,
      position,
      accuracy: 0.6 + 0.08 * position,
      dag: subgraph(dag, needed),
      edgeMs: prune(edgeMs),
      cloudMs: prune(cloudMs),
      wireBytes: prune(wireBytes),
      edgeCutMs: prune(edgeCutMs),
      cloudCutMs: prune(cloudCutMs),
      edgeFixedMs: 0.3,
      cloudFixedMs: 0.3,
      requestBytes: 800,
      resultBytes: 540,
    };
  });
}

/** By node, which nodes before it it reads. */
type Predecessors = readonly (readonly number[])[];

const shapes: Readonly<Record<DagKind, (nodes: number, random: Random) => Predecessors>> = {
  chain: (nodes) => grow(nodes, (start) => [[start]]),
  /** Two convolutions, and an addition with what went in. */
  residual: (nodes) => grow(nodes, (start) => [[start], [start + 1], [start, start + 2], [start + 3]]),
  /** Four branches of one, two, three and two nodes, put together. */
  inception: (nodes) =>
    grow(nodes, (s) => [
      [s],
      [s],
      [s + 2],
      [s],
      [s + 4],
      [s + 5],
      [s],
      [s + 7],
      [s + 1, s + 3, s + 6, s + 8],
    ]),
  /** Eight layers, each of which reads all before it in the block, and a transition. */
  dense: (nodes) =>
    grow(nodes, (start) =>
      Array.from({ length: 9 }, (_, at) => Array.from({ length: at + 1 }, (_, from) => start + from)),
    ),
  /** One to three of all nodes before; the last reads whatever nobody else does. */
  random: (nodes, random) => {
    const read = new Set<number>();
    return Array.from({ length: nodes }, (_, node) => {
      const from = new Set<number>();
      const count = node === 0 ? 0 : 1 + Math.floor(3 * random());
      for (let at = 0; at < count; at++) from.add(Math.floor(random() * node));
      if (node === nodes - 1)
        for (let other = 0; other < node; other++) if (!read.has(other)) from.add(other);
      for (const one of from) read.add(one);
      return [...from];
    });
  },
};

/** Repeats a block, told by the nodes that its nodes read, after the last node of the one before. */
function grow(nodes: number, block: (start: number) => Predecessors): Predecessors {
  const all: (readonly number[])[] = [[]];
  while (all.length < nodes) all.push(...block(all.length - 1));
  // A block that was broken off leaves nodes that nobody reads: the last one reads them.
  const whole = all.slice(0, nodes);
  const read = new Set(whole.flat());
  const loose = whole.map((_, node) => node).filter((node) => node < nodes - 1 && !read.has(node));
  return whole.map((from, node) => (node === nodes - 1 ? [...new Set([...from, ...loose])] : from));
}
