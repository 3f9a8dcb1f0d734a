import { expect, test } from "vitest";
import type { PhaseMap } from "../../client/index.ts";
import type { ModelSummary } from "../../talk/edge.ts";
import { regionsOf } from "./phase-regions.ts";

const model = {
  exits: [
    { id: "early", node: "e" },
    { id: "last", node: "b" },
  ],
  nodes: [
    { name: "image", predecessors: [] },
    { name: "a", predecessors: [0] },
    { name: "e", predecessors: [1] },
    { name: "b", predecessors: [1] },
  ],
} as unknown as ModelSummary;

const phone = { exit: "last", nodes: 3 };
const early = { exit: "early", nodes: 3 };
const split = { exit: "last", nodes: 2 };
const cloud = { exit: "last", nodes: 1 };
const map = (kinds: PhaseMap["kinds"]): PhaseMap => ({ columns: 4, rows: 2, kinds });

test("neighbours of one way are one run", () => {
  const { runs } = regionsOf(map([phone, phone, split, cloud, early, cloud, cloud, cloud]), model);
  expect(runs).toEqual([
    { kind: "all-edge", row: 0, from: 0, to: 2 },
    { kind: "split", row: 0, from: 2, to: 3 },
    { kind: "all-cloud", row: 0, from: 3, to: 4 },
    { kind: "early-edge", row: 1, from: 0, to: 1 },
    { kind: "all-cloud", row: 1, from: 1, to: 4 },
  ]);
});

test("a name lies on its own ground", () => {
  const { names } = regionsOf(map([phone, phone, phone, cloud, phone, cloud, cloud, cloud]), model);
  expect(names).toEqual([
    { kind: "all-edge", column: 1.5, row: 0.5 },
    { kind: "all-cloud", column: 2.5, row: 1.5 },
  ]);
});

test("where nothing can be planned, nothing is drawn", () => {
  const { runs } = regionsOf(map([null, null, null, null, phone, null, null, phone]), model);
  expect(runs.map(({ row, from, to }) => [row, from, to])).toEqual([
    [1, 0, 1],
    [1, 3, 4],
  ]);
});
