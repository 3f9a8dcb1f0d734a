import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { randomFrom } from "#shared/random";
import { readModel } from "./model.ts";
import { inParts, partsOf } from "./parts.ts";
import { allCloud, allEdge, splitPlan } from "./plan.ts";
import type { Segment } from "./segment.ts";

const model = readModel(readFileSync("models/inception-imagenette/model.json"));
const { dag } = model;

test("a list in parts is the list, and no part weighs more than another by more than a member does", () => {
  const alike = (count: number, parts: number) =>
    inParts(
      Array.from({ length: count }, (_, at) => at),
      parts,
      () => 1,
    );
  expect(alike(7, 3)).toEqual([
    [0, 1],
    [2, 3, 4],
    [5, 6],
  ]);
  expect(alike(2, 5)).toEqual([[0], [1]]);
  expect(alike(0, 3)).toEqual([[]]);
  const own = (weight: number): number => weight;
  expect(inParts([40, 40, 10, 5, 5], 3, own)).toEqual([[40], [40], [10, 5, 5]]);
  // A heavy one takes the place of several.
  expect(inParts([90, 5, 5], 4, own)).toEqual([[90], [5, 5]]);
  expect(inParts([0, 0], 4, own)).toEqual([[0, 0]]);
  expect(inParts([3, 0], 1, own)).toEqual([[3, 0]]);
  const random = randomFrom(7);
  for (let round = 0; round < 300; round++) {
    const list = Array.from({ length: 1 + Math.floor(20 * random()) }, () => random() ** 3);
    const count = 1 + Math.floor(8 * random());
    const parts = inParts(list, count, own);
    expect(parts.flat()).toEqual(list);
    expect(parts.length).toBeLessThanOrEqual(count);
    const total = list.reduce((sum, one) => sum + one, 0);
    for (const part of parts) {
      const weight = part.reduce((sum, one) => sum + one, 0);
      expect(weight).toBeLessThan(total / count + Math.max(...part) + 1e-12);
    }
  }
});

/** That each part reads what is there by then, and all that is asked of the segment comes of it. */
function expectWhole(segment: Segment, parts: readonly Segment[]): void {
  expect(parts.flatMap(({ nodes }) => nodes)).toEqual(segment.nodes);
  const known = new Set(segment.feeds);
  for (const { nodes, feeds, outputs } of parts) {
    for (const feed of feeds) expect(known, feed).toContain(feed);
    const there = new Set([...feeds, ...nodes]);
    for (const name of nodes) {
      for (const from of dag.predecessors[dag.names.indexOf(name)]!) expect(there).toContain(dag.names[from]);
    }
    for (const name of outputs) known.add(name);
  }
  for (const name of segment.outputs) expect(known, name).toContain(name);
}

test("the parts of any segment run one after the other, each on what was fed or made before", () => {
  for (const { id } of model.metadata.exits) {
    const whole = allEdge(model, id);
    for (const length of [1, 2, 7, 12, whole.head.length]) {
      const { head, tail } = splitPlan(model, { exit: id, head: whole.head.slice(0, length) });
      for (const segment of tail === null ? [head] : [head, tail]) {
        for (const count of [1, 2, 5, 1000]) {
          const parts = partsOf(model, segment, count, (name) => (name.endsWith("relu") ? 1 : 3));
          expect(parts.length).toBeLessThanOrEqual(count);
          expect(parts.length > 1).toBe(count > 1 && segment.nodes.length > 1);
          expectWhole(segment, parts);
        }
      }
    }
  }
});

test("what computes nothing is one part, as it was", () => {
  const { head } = splitPlan(model, allCloud(model, model.metadata.exits[0]!.id));
  expect(partsOf(model, head, 4, () => 1)).toEqual([head]);
});
