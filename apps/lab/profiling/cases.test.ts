import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ancestors, cutVertices, subgraph } from "#shared/graph";
import { readModel } from "#shared/model";
import { randomFor } from "#shared/random";
import { latencyCases } from "./cases.ts";

const model = readModel(readFileSync("models/resnet-imagenette/model.json"));
const cases = (seed: number, count = 30) => latencyCases(model, count, randomFor(seed, 0, 0));

test("every cut vertex of every exit is a case, and the random ones cut several tensors", () => {
  const all = cases(1);
  for (const exit of model.metadata.exits) {
    const dag = subgraph(model.dag, ancestors(model.dag, model.dag.names.indexOf(exit.node)));
    const own = all.filter(({ kind, plan }) => kind === "vertex" && plan.exit === exit.id);
    expect(own.map(({ plan }) => plan.head.at(-1))).toEqual(cutVertices(dag).map((node) => dag.names[node]));
    expect(own.every(({ split }) => split.cut.length <= 1)).toBe(true);
  }
  const random = all.filter(({ kind }) => kind === "multi");
  expect(random).toHaveLength(30);
  expect(random.every(({ split }) => split.cut.length >= 2)).toBe(true);
  const keys = random.map(({ plan, split }) => `${plan.exit} ${split.cut}`);
  expect(new Set(keys).size).toBe(30);
});

test("the same seed draws the same cuts, another one others, and a model with fewer gives all it has", () => {
  const cuts = (seed: number) => cases(seed).map(({ plan, split }) => `${plan.exit} ${split.cut}`);
  expect(cuts(1)).toEqual(cuts(1));
  expect(cuts(1)).not.toEqual(cuts(2));
  expect(cases(1, 100_000).length).toBeLessThan(10_000);
});
