import { blocks } from "./blocks.ts";
import type { Dag } from "./dag.ts";

/** Whether a path of one arc or more leads from one node to another. */
export type Reaches = (from: number, to: number) => boolean;

/**
 * Reachability of every pair of nodes, as bits. Nodes of different blocks need none: every path between them
 * passes the cut vertices in between, so the later one is reached. Memory is quadratic in the largest block,
 * not in the DAG.
 *
 * @param dag as for `cutVertices`
 */
export function reachability(dag: Dag): Reaches {
  const blockOf = new Int32Array(dag.names.length).fill(-1);
  const position = new Int32Array(dag.names.length);
  const reached: Uint32Array[] = [];
  blocks(dag).forEach(({ nodes }, block) => {
    const words = Math.ceil(nodes.length / 32);
    nodes.forEach((node, at) => {
      blockOf[node] = block;
      position[node] = at;
    });
    for (const node of nodes.toReversed()) {
      const bits = new Uint32Array(words);
      for (const reader of dag.successors[node]!) {
        if (blockOf[reader] !== block) continue;
        const at = position[reader]!;
        bits[at >> 5] = bits[at >> 5]! | (1 << (at & 31));
        const further = reached[reader]!;
        for (let word = at >> 5; word < words; word++) bits[word] = bits[word]! | further[word]!;
      }
      reached[node] = bits;
    }
  });
  return (from, to) => {
    if (blockOf[from] !== blockOf[to]) return from < to;
    if (from >= to) return false;
    const at = position[to]!;
    return ((reached[from]![at >> 5]! >> (at & 31)) & 1) === 1;
  };
}
