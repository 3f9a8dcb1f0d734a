import type { Dag } from "./dag.ts";

/**
 * Every set of nodes that holds node 0 and is closed under predecessors, each once, as membership by
 * node; a fresh array each. Their number is exponential in the width of the DAG: stop at your limit.
 *
 * Depth-first over the nodes in topological order; every branch ends in a set, so the next one is never
 * more than one pass over the nodes away.
 */
export function* closedHeads(dag: Dag): Generator<readonly boolean[], void> {
  const count = dag.names.length;
  const member = dag.names.map((_, node) => node === 0);
  const mayJoin = (node: number): boolean => dag.predecessors[node]!.every((from) => member[from]);
  const growFrom = (start: number): void => {
    for (let node = start; node < count; node++) member[node] = mayJoin(node);
  };
  // Counts down from the largest set, like a binary counter: drop the last member, regrow what follows.
  growFrom(1);
  for (;;) {
    yield member.slice();
    let last = count - 1;
    while (last > 0 && !member[last]) last--;
    if (last <= 0) return;
    member[last] = false;
    growFrom(last + 1);
  }
}
