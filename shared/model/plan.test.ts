import { expect, test } from "vitest";
import { ancestors, closedHeads, subgraph } from "#shared/graph";
import { fixtureModel } from "./fixture.ts";
import { allCloud, allEdge, type Plan, splitPlan, tailOf } from "./plan.ts";
import type { Segment } from "./segment.ts";

const model = fixtureModel();
const { dag } = model;
const plans = model.metadata.exits.flatMap((exit): Plan[] => {
  const part = subgraph(dag, ancestors(dag, dag.names.indexOf(exit.node)));
  return [...closedHeads(part)].map((head) => ({
    exit: exit.id,
    head: part.names.filter((_, at) => head[at]),
  }));
});

test("at every plan, head then tail compute the exit's node from the image, each node once", () => {
  expect(plans.length).toBeGreaterThan(20);
  for (const plan of plans) {
    const { head, cut, tail } = splitPlan(model, plan);
    const exit = model.metadata.exits.find(({ id }) => id === plan.exit)!;
    expect(head.feeds).toEqual(["image"]);
    const crossed = run(head);
    expect(crossed).toEqual(tail === null ? [exit.node] : cut);
    if (tail !== null) {
      expect(tail.feeds).toEqual(cut);
      expect(run(tail)).toEqual([exit.node]);
    }
    const computed = [...head.nodes, ...(tail?.nodes ?? []), "image"];
    expect(new Set(computed).size).toBe(computed.length);
    expect(computed.toSorted()).toEqual(allEdge(model, plan.exit).head.toSorted());
  }
});

test("from the cut alone the service finds the same tail, whatever the order of the tensors", () => {
  for (const plan of plans) {
    const { cut, tail } = splitPlan(model, plan);
    if (tail === null) continue;
    expect(tailOf(model, cut.toReversed(), plan.exit)).toEqual(tail);
  }
});

test("a set of tensors that is the cut of no head is refused", () => {
  const cuts = new Set(plans.map((plan) => `${plan.exit}: ${splitPlan(model, plan).cut.toSorted()}`));
  const names = dag.names;
  let refused = 0;
  for (const { id } of model.metadata.exits) {
    for (let bits = 0; bits < 2 ** names.length; bits++) {
      const cut = names.filter((_, node) => (bits >> node) & 1);
      if (cut.length > 3 || (cut.length > 0 && cuts.has(`${id}: ${cut.toSorted()}`))) continue;
      expect(() => tailOf(model, cut, id), `${id}: ${cut}`).toThrow(
        expect.objectContaining({ code: "bad-tensor" }),
      );
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(1000);
  for (const cut of [["nowhere"], ["join", "join"]]) {
    expect(() => tailOf(model, cut, "full")).toThrow(expect.objectContaining({ code: "bad-tensor" }));
  }
});

test("a head that is no head of the exit is refused", () => {
  const heads = new Set(plans.map((plan) => `${plan.exit}: ${plan.head.toSorted()}`));
  for (const { id } of model.metadata.exits) {
    for (let bits = 0; bits < 2 ** dag.names.length; bits += 7) {
      const head = dag.names.filter((_, node) => (bits >> node) & 1);
      if (heads.has(`${id}: ${head.toSorted()}`)) continue;
      const refused = expect.objectContaining({ code: "bad-plan" });
      expect(() => splitPlan(model, { exit: id, head }), `${id}: ${head}`).toThrow(refused);
    }
  }
});

test("a plan with a tail may be insured by any exit, no other plan by none", () => {
  const { id } = model.metadata.exits.at(-1)!;
  for (const one of model.metadata.exits) {
    const insurance = { exit: one.id };
    const plain = splitPlan(model, allCloud(model, id));
    expect(splitPlan(model, { ...allCloud(model, id), insurance })).toEqual(plain);
    const refused = expect.objectContaining({
      code: "bad-plan",
      message: expect.stringContaining("insurance: "),
    });
    expect(() => splitPlan(model, { ...allEdge(model, id), insurance })).toThrow(refused);
    const unknown = { ...allCloud(model, id), insurance: { exit: "late" } };
    expect(() => splitPlan(model, unknown)).toThrow(refused);
  }
});

test("all-edge has the empty cut, all-cloud the image", () => {
  for (const { id } of model.metadata.exits) {
    expect(splitPlan(model, allEdge(model, id))).toMatchObject({ cut: [], tail: null });
    expect(splitPlan(model, allCloud(model, id))).toMatchObject({ cut: ["image"], head: { nodes: [] } });
  }
  expect(() => allEdge(model, "late")).toThrow(expect.objectContaining({ code: "not-found" }));
});

/** Runs a segment by name: every node needs its inputs, from the feeds or computed before. */
function run(segment: Segment): readonly string[] {
  const known = new Set(segment.feeds);
  for (const name of segment.nodes) {
    for (const from of dag.predecessors[dag.names.indexOf(name)]!) expect(known).toContain(dag.names[from]);
    known.add(name);
  }
  for (const name of segment.outputs) expect(known).toContain(name);
  return segment.outputs;
}
