import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readModel } from "#shared/model";
import type { ModelSummary } from "../../talk/edge.ts";
import { neededFor } from "../words/way.ts";
import { foldModel, trunkOf } from "./fold.ts";

function summaryOf(id: string): ModelSummary {
  const { metadata, dag } = readModel(readFileSync(`models/${id}/model.json`));
  const nodes = dag.names.map((name, at) => ({ name, predecessors: dag.predecessors[at]! }));
  return { exits: metadata.exits, nodes } as unknown as ModelSummary;
}
const MODELS = [
  "resnet-imagenette",
  "mobilenet-imagenette",
  "inception-imagenette",
  "alexnet-cifar10",
  "tiny",
];

test.each(MODELS)(
  "%s: each layer of the trunk is in one block, in order, and no block hides an exit",
  (id) => {
    const model = summaryOf(id);
    const blocks = foldModel(model);
    expect(blocks.flatMap(({ nodes }) => nodes)).toEqual(trunkOf(model).slice(1));
    expect(blocks.length).toBeGreaterThanOrEqual(4);
    expect(blocks.length).toBeLessThanOrEqual(9);
    expect(blocks.flatMap(({ exits }) => exits.map((exit) => exit.id))).toEqual(
      model.exits.map((exit) => exit.id),
    );
    for (const exit of model.exits.slice(0, -1)) {
      // What an exit needs of the trunk ends where a block does.
      const needed = new Set(neededFor(exit.id, model));
      const at = blocks.findIndex(({ exits }) => exits.some((one) => one.id === exit.id));
      expect(
        blocks
          .slice(0, at + 1)
          .flatMap(({ nodes }) => nodes)
          .every((name) => needed.has(name)),
        exit.id,
      ).toBe(true);
    }
  },
);

test("parts that the model names are its blocks", () => {
  const blocks = foldModel(summaryOf("resnet-imagenette"));
  expect(blocks.map(({ nodes }) => nodes.length)).toEqual([2, 4, 5, 4, 1, 5, 4, 9]);
});

test("a model without named parts is cut into a few", () => {
  const nodes = Array.from({ length: 40 }, (_, at) => ({
    name: `n${at}`,
    predecessors: at === 0 ? [] : [at - 1],
  }));
  const model = { exits: [{ id: "full", node: "n39", accuracy: null }], nodes } as unknown as ModelSummary;
  const blocks = foldModel(model);
  expect(blocks.length).toBe(6);
  expect(Math.max(...blocks.map((block) => block.nodes.length))).toBeLessThan(12);
});
