import { expect, test } from "vitest";
import { ancestors, closedHeads, subgraph } from "#shared/graph";
import { edgeNodes, headRunOf, waysOn } from "./asks.ts";
import { fixtureModel } from "./fixture.ts";
import type { EarlyExit } from "./metadata.ts";
import { allCloud, allEdge, type Plan, splitPlan } from "./plan.ts";

const model = fixtureModel();
const { dag, metadata } = model;
const ids = metadata.exits.map(({ id }) => id);

/** Every head of every exit with every set of earlier exits, allowed or not. */
const plans = metadata.exits.flatMap((exit, final): Plan[] => {
  const part = subgraph(dag, ancestors(dag, dag.names.indexOf(exit.node)));
  const sets = Array.from({ length: 2 ** final }, (_, bits): EarlyExit[] =>
    ids.slice(0, final).flatMap((id, at) => ((bits >> at) & 1 ? [{ exit: id, threshold: 0.5 }] : [])),
  );
  return [...closedHeads(part)].flatMap((member) => {
    const head = part.names.filter((_, at) => member[at]);
    return sets.map((early): Plan => ({ exit: exit.id, head, early }));
  });
});

/** Whether all that an early exit shares with the planned one is in the head. */
function isAllowed({ exit, head, early = [] }: Plan): boolean {
  const needed = new Set(allEdge(model, exit).head);
  return early.every((one) =>
    allEdge(model, one.exit).head.every((name) => !needed.has(name) || head.includes(name)),
  );
}

test("the stages ask every early exit in turn, end where the head ends, and run no node twice", () => {
  let asked = 0;
  for (const plan of plans.filter(isAllowed)) {
    const { asks, rest } = headRunOf(model, plan);
    expect(asks.map(({ exit, threshold }) => ({ exit, threshold }))).toEqual(plan.early);
    const computed: string[] = [];
    const held = new Set(["image"]);
    for (const { nodes, feeds, outputs } of [...asks.map(({ segment }) => segment), rest]) {
      for (const name of feeds) expect(held, `${plan.early?.length} ${name}`).toContain(name);
      const known = new Set(feeds);
      for (const name of nodes) {
        for (const from of dag.predecessors[dag.names.indexOf(name)]!)
          expect(known).toContain(dag.names[from]);
        known.add(name);
      }
      for (const name of outputs) expect(known).toContain(name);
      expect(new Set(outputs).size).toBe(outputs.length);
      computed.push(...nodes);
      for (const name of outputs) held.add(name);
    }
    for (const { exit, node, segment } of asks) {
      expect(node).toBe(metadata.exits.find(({ id }) => id === exit)!.node);
      expect(segment.outputs[0]).toBe(node);
      asked++;
    }
    expect(rest.outputs).toEqual(splitPlan(model, plan).head.outputs);
    expect(new Set(computed).size).toBe(computed.length);
    expect(["image", ...computed].toSorted()).toEqual([...edgeNodes(model, plan)].toSorted());
    // From what is held any exit can be reached: that is what the edge finishes from.
    for (const { node } of metadata.exits) {
      const done = new Set(["image", ...computed]);
      const above = ancestors(dag, dag.names.indexOf(node));
      dag.names.forEach((name, at) => {
        if (!above[at] || done.has(name)) return;
        for (const from of dag.predecessors[at]!) {
          const name = dag.names[from]!;
          if (done.has(name) && !rest.nodes.includes(name)) expect(held).toContain(name);
        }
      });
    }
  }
  expect(asked).toBeGreaterThan(10);
});

test("without early exits the only stage is the head", () => {
  for (const { exit, head } of plans) {
    const plan = { exit, head };
    const expected = splitPlan(model, plan).head;
    const { asks, rest } = headRunOf(model, plan);
    expect(asks).toEqual([]);
    expect(rest).toEqual({ ...expected, feeds: rest.feeds });
    expect(edgeNodes(model, plan)).toBe(head);
  }
});

test("an early exit that needs something from the cloud is refused, by name", () => {
  const refused = plans.filter((plan) => !isAllowed(plan));
  expect(refused.length).toBeGreaterThan(10);
  for (const plan of refused) {
    for (const use of [splitPlan, headRunOf]) {
      expect(() => use(model, plan)).toThrow(
        expect.objectContaining({
          code: "bad-plan",
          message: expect.stringMatching(/^early, \w+: expected/),
        }),
      );
    }
  }
});

test("early exits that are unknown, out of order or without a proper threshold are refused", () => {
  const sure = (exit: string, threshold = 0.5): EarlyExit => ({ exit, threshold });
  const wrong: [string, EarlyExit[]][] = [
    ["full", [sure("late")]],
    ["full", [sure("full")]],
    ["full", [sure("middle"), sure("early")]],
    ["full", [sure("early"), sure("early")]],
    ["early", [sure("middle")]],
    ["full", [sure("early", 1.1)]],
    ["full", [sure("early", -0.1)]],
    ["full", [sure("early", Number.NaN)]],
    ["full", [{ exit: "early" } as EarlyExit]],
  ];
  const refused = expect.objectContaining({ code: "bad-plan", message: expect.stringMatching(/^early/) });
  for (const [exit, early] of wrong) {
    expect(() => splitPlan(model, { ...allEdge(model, exit), early }), JSON.stringify(early)).toThrow(
      refused,
    );
  }
  expect(() => splitPlan(model, { ...allCloud(model, "full"), early: [sure("early")] })).toThrow(refused);
  for (const threshold of [0, 1])
    splitPlan(model, { ...allEdge(model, "full"), early: [sure("early", threshold)] });
});

test("the ways on reach one exit after the other from whatever has run, and run no node twice", () => {
  let ways = 0;
  for (const plan of plans.filter(isAllowed)) {
    const ran = new Set(edgeNodes(model, plan));
    for (let bits = 1; bits < 2 ** ids.length; bits++) {
      const exits = ids.filter((_, at) => (bits >> at) & 1);
      const held = new Set(["image", ...ran]);
      const computed: string[] = [];
      for (const [at, { exit, node, segment }] of waysOn(model, ran, exits).entries()) {
        expect(exit).toBe(exits[at]);
        expect(node).toBe(metadata.exits.find(({ id }) => id === exit)!.node);
        expect(segment.outputs[0]).toBe(node);
        for (const name of segment.feeds) expect(held, name).toContain(name);
        const known = new Set(segment.feeds);
        for (const name of segment.nodes) {
          for (const from of dag.predecessors[dag.names.indexOf(name)]!)
            expect(known).toContain(dag.names[from]);
          known.add(name);
        }
        for (const name of segment.outputs) expect(known).toContain(name);
        computed.push(...segment.nodes);
        for (const name of segment.outputs) held.add(name);
        ways++;
      }
      expect(new Set([...ran, ...computed]).size).toBe(ran.size + computed.length);
    }
  }
  expect(ways).toBeGreaterThan(100);
});
