import { expect, test } from "vitest";
import { type ExitCosts, latencyOf } from "#shared/evaluator";
import { buildDag } from "#shared/graph";
import { type Conditions, NO_SPREAD } from "#shared/model";
import { randomFrom } from "#shared/random";
import { randomConditions, randomExits } from "../evaluator/fixture.ts";
import { exhaustive, permittedHeads, randomConstraints } from "./fixture.ts";
import { minCutPlan } from "./min-cut-plan.ts";

test("min-cut matches exhaustive search over all closed heads, at every exit, under all constraints", () => {
  const kinds = { allEdge: 0, allCloud: 0, split: 0, many: 0, none: 0 };
  for (let seed = 0; seed < 1200; seed++) {
    const random = randomFrom(seed);
    const exits = randomExits(random, 12);
    const conditions = randomConditions(random);
    const { exits: _, ...constraints } = randomConstraints(random, exits);
    for (const costs of exits) {
      const found = minCutPlan(costs, conditions, constraints);
      const least = exhaustive(costs, conditions, constraints);
      const label = `seed ${seed}, ${costs.exit}`;
      expect(found === null, label).toBe(least === null);
      if (found === null || least === null) {
        kinds.none++;
        continue;
      }
      expect(found.latency.totalMs, label).toBeCloseTo(least.totalMs, 6);
      expect(found.latency).toEqual(latencyOf(costs, found.head, conditions));
      expect(permittedHeads(costs, constraints).map(String), label).toContain(String(found.head));
      if (!found.head.includes(false)) kinds.allEdge++;
      else if (found.head.indexOf(false) === 1 && !found.head.includes(true, 1)) kinds.allCloud++;
      else kinds.split++;
      const crosses = costs.dag.successors.filter(
        (to, node) => found.head[node] && to.some((r) => !found.head[r]),
      );
      if (crosses.length > 1) kinds.many++;
    }
  }
  // The random problems must exercise every kind of answer.
  for (const [kind, count] of Object.entries(kinds)) expect(count, kind).toBeGreaterThan(30);
});

test("nothing flows back: the counter-example to DADS costs 7, not 3", () => {
  const costs = chain({ edgeMs: [0, 10, 1], cloudMs: [0, 1, 5], wireMs: 1 });
  const { head, latency } = minCutPlan(costs, QUIET)!;
  expect(latency.totalMs).toBeCloseTo(7, 9);
  expect(head).toEqual([true, false, false]);
});

test("a tensor with many readers is paid once", () => {
  const readers = Array.from({ length: 6 }, (_, at) => `r${at}`);
  const names = ["in", "a", ...readers, "out"];
  const arcs = readers.flatMap((name): [string, string][] => [
    ["a", name],
    [name, "out"],
  ]);
  const costs: ExitCosts = {
    ...chain({ edgeMs: [0, 1], cloudMs: [0, 1], wireMs: 1 }),
    dag: buildDag(names, [["in", "a"], ...arcs]),
    edgeMs: [0, 1, ...readers.map(() => 10), 10],
    cloudMs: names.map(() => 0),
    wireBytes: names.map((_, node) => (node === 0 ? 100 : 1)),
    edgeCutMs: names.map(() => 0),
    cloudCutMs: names.map(() => 0),
  };
  const { head, latency } = minCutPlan(costs, QUIET)!;
  expect(head.filter(Boolean).length).toBe(2);
  expect(latency.uplinkMs).toBe(1);
});

test("the round trip decides between a split and all-edge", () => {
  const costs = chain({ edgeMs: [0, 10, 10], cloudMs: [0, 1, 1], wireMs: 2 });
  const plan = (rttMs: number) => minCutPlan(costs, { ...QUIET, rttMs })!;
  expect(plan(15).latency.totalMs).toBe(19);
  expect(plan(16).latency.totalMs).toBe(20);
  expect(plan(16).head).toEqual([true, true, true]);
  expect(plan(17).latency.totalMs).toBe(20);
});

test("what a computing head pays at all can decide for all-cloud", () => {
  const costs = { ...chain({ edgeMs: [0, 1, 50], cloudMs: [0, 3, 3], wireMs: 1 }), wireBytes: [5, 1, 1] };
  expect(minCutPlan(costs, QUIET)!.head).toEqual([true, true, false]);
  expect(minCutPlan({ ...costs, edgeFixedMs: 10 }, QUIET)!.head).toEqual([true, false, false]);
});

/** One byte takes one millisecond; nothing else costs anything. */
const QUIET: Conditions = {
  rttMs: 0,
  uplinkBps: 8000,
  downlinkBps: 8000,
  edgeScale: 1,
  cloudScale: 1,
  queueMs: 0,
  spread: NO_SPREAD,
};

function chain(given: { edgeMs: number[]; cloudMs: number[]; wireMs: number }): ExitCosts {
  const names = given.edgeMs.map((_, node) => `n${node}`);
  const arcs = names.slice(1).map((name, at): [string, string] => [names[at]!, name]);
  return {
    exit: "only",
    position: 0,
    accuracy: 0.9,
    dag: buildDag(names, arcs),
    edgeMs: given.edgeMs,
    cloudMs: given.cloudMs,
    wireBytes: names.map(() => given.wireMs),
    edgeCutMs: names.map(() => 0),
    cloudCutMs: names.map(() => 0),
    edgeFixedMs: 0,
    cloudFixedMs: 0,
    requestBytes: 0,
    resultBytes: 0,
  };
}
