import { shuffled } from "#shared/random";
import { buildDag, type Dag } from "./dag.ts";

/**
 * For tests only: a DAG of one input and one sink in which every node lies on a path between them: chains,
 * branches and skip arcs. Names are given in a shuffled order.
 *
 * @param count of nodes, 2 or more
 */
export function randomDag(random: () => number, count: number): Dag {
  const density = random() * 0.4;
  const arcs: [string, string][] = [];
  const name = (node: number): string => `n${node}`;
  const hasReader = new Set<number>();
  for (let to = 1; to < count; to++) {
    const isLast = to === count - 1;
    const near = to - 1 - Math.floor(random() * Math.min(to, 3));
    for (let from = 0; from < to; from++) {
      const needsReader = isLast && !hasReader.has(from);
      if (from !== near && !needsReader && random() > density) continue;
      arcs.push([name(from), name(to)]);
      hasReader.add(from);
    }
  }
  const names = Array.from(shuffled(count, random), name);
  return buildDag(names, arcs);
}
