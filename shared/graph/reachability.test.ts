import { expect, test } from "vitest";
import { randomFrom } from "#shared/random";
import type { Dag } from "./dag.ts";
import { randomDag } from "./fixture.ts";
import { reachability } from "./reachability.ts";

test("a node reaches another exactly when a path leads there", () => {
  for (let seed = 0; seed < 200; seed++) {
    const dag = randomDag(randomFrom(seed), 2 + (seed % 60));
    const reaches = reachability(dag);
    dag.names.forEach((_, from) => {
      const found = below(dag, from);
      const reached = dag.names.map((_, to) => to).filter((to) => reaches(from, to));
      expect(reached, `seed ${seed}, from ${from}`).toEqual([...found].sort((a, b) => a - b));
    });
  }
});

/** The nodes that depth-first search finds below one. */
function below(dag: Dag, from: number, found = new Set<number>()): ReadonlySet<number> {
  for (const reader of dag.successors[from]!) {
    if (!found.has(reader)) below(dag, reader, found.add(reader));
  }
  return found;
}
