import { expect, test } from "vitest";
import { randomFrom } from "#shared/random";
import { closedHeads } from "./closed-heads.ts";
import { buildDag } from "./dag.ts";
import { randomDag } from "./fixture.ts";

test("closed heads are exactly the sets with the input that are closed under predecessors", () => {
  for (let seed = 0; seed < 200; seed++) {
    const dag = randomDag(randomFrom(seed), 2 + (seed % 9));
    const expected: string[] = [];
    for (let bits = 0; bits < 2 ** dag.names.length; bits++) {
      const head = dag.names.map((_, node) => ((bits >> node) & 1) === 1);
      const isClosed = head.every((inside, node) => !inside || dag.predecessors[node]!.every((p) => head[p]));
      if (head[0] && isClosed) expected.push(head.join());
    }
    const found = [...closedHeads(dag)].map((head) => head.join());
    expect(found.toSorted(), `seed ${seed}`).toEqual(expected.toSorted());
  }
});

test("the caller may stop before the many heads of a wide DAG are through", () => {
  const middle = Array.from({ length: 60 }, (_, i) => `m${i}`);
  const arcs = middle.flatMap((name): [string, string][] => [
    ["in", name],
    [name, "out"],
  ]);
  const heads = closedHeads(buildDag(["in", ...middle, "out"], arcs));
  const first = new Set(Array.from({ length: 1000 }, () => heads.next().value?.join()));
  expect(first.size).toBe(1000);
});
