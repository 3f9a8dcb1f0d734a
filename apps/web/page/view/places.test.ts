import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { allCloud, allEdge, type Plan, readModel, splitPlan } from "#shared/model";
import type { ModelSummary, WhatRan } from "../../talk/edge.ts";
import { placesOfPlan, placesOfRun } from "./places.ts";

const model = readModel(readFileSync("models/tiny/model.json"));
const { metadata, dag } = model;
const summary = {
  exits: metadata.exits,
  nodes: dag.names.map((name, node) => ({ name, predecessors: dag.predecessors[node]! })),
} as unknown as ModelSummary;
const last = metadata.exits.at(-1)!.id;

const ran = (exit: string, here: readonly string[], there: readonly string[]): WhatRan =>
  ({ exit, here, there }) as unknown as WhatRan;

test("a plan's nodes lie where its head and tail are, whatever their order", () => {
  for (const { id } of metadata.exits) {
    const whole = allEdge(model, id).head;
    for (let count = 1; count <= whole.length; count++) {
      const plan: Plan = { exit: id, head: whole.slice(0, count).toReversed() };
      const { head, tail } = splitPlan(model, plan);
      const places = placesOfPlan(plan, summary);
      expect(places).toMatchObject({ exit: id, edge: head.nodes.length, cloud: tail?.nodes.length ?? 0 });
      for (const [at, name] of dag.names.entries()) {
        const expected =
          at === 0 || head.nodes.includes(name) ? "edge" : tail?.nodes.includes(name) ? "cloud" : "unused";
        expect(places.of[at], name).toBe(expected);
      }
    }
  }
});

test("what ran is drawn as it ran: a fallback on the edge, branches of asked exits too, nothing else", () => {
  const [first] = metadata.exits;
  const here = allEdge(model, first!.id).head.slice(1);
  const fallback = placesOfRun(ran(first!.id, here, []), summary);
  expect(fallback).toMatchObject({ exit: first!.id, edge: here.length, cloud: 0 });
  expect(fallback.of.filter((place) => place === "cloud")).toEqual([]);
  expect(fallback.of.filter((place) => place === "edge")).toHaveLength(here.length + 1);

  // The branch of the first exit ran here, and the last exit's way beyond in the cloud.
  const there = allEdge(model, last).head.filter((name, at) => at > 0 && !here.includes(name));
  const split = placesOfRun(ran(last, here, there), summary);
  const branch = here.filter((name) => !allEdge(model, last).head.includes(name));
  expect(branch.length).toBeGreaterThan(0);
  for (const name of branch) expect(split.of[dag.names.indexOf(name)]).toBe("edge");
  for (const name of there) expect(split.of[dag.names.indexOf(name)]).toBe("cloud");
});

test("the image is here even when everything runs in the cloud", () => {
  const { head, tail } = splitPlan(model, allCloud(model, last));
  expect(head.nodes).toEqual([]);
  expect(placesOfRun(ran(last, [], tail!.nodes), summary).of[0]).toBe("edge");
});
