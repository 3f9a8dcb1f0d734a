import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readModel } from "./model.ts";
import { inParts, partsOf } from "./parts.ts";
import { allCloud, allEdge, splitPlan } from "./plan.ts";
import type { Segment } from "./segment.ts";

const model = readModel(readFileSync("models/inception-imagenette/model.json"));
const { dag } = model;

test("a list in parts is the list, and none is longer than another by more than one", () => {
  expect(inParts([1, 2, 3, 4, 5, 6, 7], 3)).toEqual([
    [1, 2],
    [3, 4],
    [5, 6, 7],
  ]);
  expect(inParts([1, 2], 5)).toEqual([[1], [2]]);
  expect(inParts([], 3)).toEqual([[]]);
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
          const parts = partsOf(model, segment, count);
          expect(parts).toHaveLength(Math.max(1, Math.min(count, segment.nodes.length)));
          expectWhole(segment, parts);
        }
      }
    }
  }
});

test("what computes nothing is one part, as it was", () => {
  const { head } = splitPlan(model, allCloud(model, model.metadata.exits[0]!.id));
  expect(partsOf(model, head, 4)).toEqual([head]);
});
