import type { Dag } from "./dag.ts";

/** A stretch of a DAG between adjacent cut vertices. */
export interface Block {
  /** The cut vertex it starts after. */
  readonly after: number;
  /** Its nodes in topological order: the indices `after + 1` to the next cut vertex, that one included. */
  readonly nodes: readonly number[];
}

/**
 * The DAG as a chain of blocks. A head that is closed under predecessors ends inside one of them.
 *
 * @param dag as for `cutVertices`
 */
export function blocks(dag: Dag): readonly Block[] {
  const vertices = cutVertices(dag);
  return vertices.slice(1).map((to, at): Block => {
    const after = vertices[at]!;
    return { after, nodes: Array.from({ length: to - after }, (_, i) => after + 1 + i) };
  });
}

/**
 * The nodes through which every path from the first to the last node passes, both included, rising.
 *
 * Since every node lies on such a path, a node is one of them exactly when no arc jumps over it in the
 * topological order.
 *
 * @param dag one input, node 0, and one sink, the last node: an exit's ancestors
 */
export function cutVertices(dag: Dag): readonly number[] {
  const found: number[] = [];
  let farthest = 0;
  dag.successors.forEach((readers, node) => {
    if (farthest <= node) found.push(node);
    farthest = Math.max(farthest, ...readers);
  });
  return found;
}
