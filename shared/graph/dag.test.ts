import { expect, test } from "vitest";
import { randomFrom } from "#shared/random";
import { ancestors, buildDag, type Dag, subgraph } from "./dag.ts";
import { randomDag } from "./fixture.ts";

test("every arc rises, whatever the order of the names", () => {
  for (let seed = 0; seed < 200; seed++) {
    const dag = randomDag(randomFrom(seed), 2 + (seed % 20));
    expectConsistent(dag);
    dag.successors.forEach((readers, node) => {
      for (const reader of readers) expect(reader, `seed ${seed}`).toBeGreaterThan(node);
    });
  }
});

test("the order given is kept where arcs allow it", () => {
  const dag = buildDag(
    ["in", "b", "a", "c", "out"],
    [
      ["in", "a"],
      ["in", "b"],
      ["c", "out"],
      ["a", "out"],
      ["b", "out"],
      ["in", "c"],
    ],
  );
  expect(dag.names).toEqual(["in", "b", "a", "c", "out"]);
});

test("repeated arcs count once", () => {
  const dag = buildDag(
    ["a", "b"],
    [
      ["a", "b"],
      ["a", "b"],
    ],
  );
  expect(dag.successors).toEqual([[1], []]);
  expect(dag.predecessors).toEqual([[], [0]]);
});

test("a cycle, a duplicate name and an unknown name are refused", () => {
  const bad = (names: string[], arcs: [string, string][]) => () => buildDag(names, arcs);
  const code = expect.objectContaining({ code: "bad-model" });
  expect(
    bad(
      ["a", "b"],
      [
        ["a", "b"],
        ["b", "a"],
      ],
    ),
  ).toThrow(code);
  expect(bad(["a"], [["a", "a"]])).toThrow(code);
  expect(bad(["a", "a"], [])).toThrow(code);
  expect(bad(["a"], [["a", "x"]])).toThrow(code);
});

test("ancestors are the nodes with a path to the target", () => {
  for (let seed = 0; seed < 100; seed++) {
    const dag = randomDag(randomFrom(seed), 2 + (seed % 10));
    dag.names.forEach((_, target) => {
      const leads = (node: number): boolean => node === target || dag.successors[node]!.some(leads);
      expect(ancestors(dag, target), `seed ${seed}`).toEqual(dag.names.map((_, node) => leads(node)));
    });
  }
});

test("a subgraph holds the kept nodes in their order and exactly the arcs between them", () => {
  for (let seed = 0; seed < 100; seed++) {
    const random = randomFrom(seed);
    const dag = randomDag(random, 2 + (seed % 10));
    const keep = dag.names.map(() => random() < 0.6);
    const part = subgraph(dag, keep);
    expectConsistent(part);
    expect(part.names).toEqual(dag.names.filter((_, node) => keep[node]));
    const kept = arcsOf(dag).filter((arc) => arc.every((name) => part.names.includes(name)));
    expect(arcsOf(part)).toEqual(kept);
  }
});

function arcsOf(dag: Dag): string[][] {
  return dag.successors.flatMap((readers, node) => readers.map((to) => [dag.names[node]!, dag.names[to]!]));
}

function expectConsistent(dag: Dag): void {
  const forward = dag.successors.flatMap((readers, from) => readers.map((to) => `${from} ${to}`));
  const backward = dag.predecessors.flatMap((list, to) => list.map((from) => `${from} ${to}`));
  expect(backward.toSorted()).toEqual(forward.toSorted());
}
