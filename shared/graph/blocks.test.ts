import { expect, test } from "vitest";
import { randomFrom } from "#shared/random";
import { blocks, cutVertices } from "./blocks.ts";
import type { Dag } from "./dag.ts";
import { randomDag } from "./fixture.ts";

test("cut vertices are exactly the nodes without which no path leads from input to sink", () => {
  for (let seed = 0; seed < 300; seed++) {
    const dag = randomDag(randomFrom(seed), 2 + (seed % 14));
    const expected = dag.names.map((_, node) => node).filter((node) => !connects(dag, node));
    expect(cutVertices(dag), `seed ${seed}`).toEqual(expected);
  }
});

test("blocks share out every node but the input, in order, and no arc leaves one but from its last node", () => {
  for (let seed = 0; seed < 300; seed++) {
    const dag = randomDag(randomFrom(seed), 2 + (seed % 14));
    const chain = blocks(dag);
    expect(chain.flatMap(({ nodes }) => nodes)).toEqual(dag.names.map((_, node) => node).slice(1));
    for (const { after, nodes } of chain) {
      for (const node of nodes) {
        const outside = dag.predecessors[node]!.filter((from) => from !== after && !nodes.includes(from));
        expect(outside, `seed ${seed}`).toEqual([]);
      }
    }
  }
});

/** Whether a path leads from the first to the last node when one node is taken out. */
function connects(dag: Dag, without: number): boolean {
  const sink = dag.names.length - 1;
  const leads = (node: number): boolean =>
    node !== without && (node === sink || dag.successors[node]!.some(leads));
  return leads(0);
}
