import { expect, test } from "vitest";
import { allEdge } from "#shared/model";
import { fixtureModel } from "../../../shared/model/fixture.ts";
import { drawnScores } from "./fixture.ts";
import { findPolicies, measurePolicies, tryPolicy } from "./policies.ts";
import { type Verdicts, verdictsOf } from "./temperature.ts";

const model = fixtureModel();
const draw = (photos: number, seed: number): Verdicts[] => {
  const scores = drawnScores(photos, [1, 1, 1], seed);
  return [0, 1, 2].map((exit) => verdictsOf(scores, exit, 1));
};
const toChooseOn = draw(473, 3);
const validation = draw(4000, 4);
const found = findPolicies(model, toChooseOn);
const measured = measurePolicies(model, validation, found);

test("reach and accuracy, of all, of what is answered early and of the rest, are those of asking photo by photo", () => {
  const early = [
    { exit: "early", threshold: 0.5 },
    { exit: "middle", threshold: 0.8 },
  ];
  const { policy, right } = tryPolicy(model, validation, "full", early);
  let [pastEarly, pastMiddle, hits] = [0, 0, 0];
  const answers = [0, 0, 0];
  const hitsBy = [0, 0, 0];
  const restHits = [0, 0, 0];
  for (let photo = 0; photo < 4000; photo++) {
    let exit = 0;
    if (validation[0]!.confidence[photo]! < 0.5) {
      pastEarly += 1;
      exit = 1;
      if (validation[1]!.confidence[photo]! < 0.8) {
        pastMiddle += 1;
        exit = 2;
      }
    }
    expect(right[photo]).toBe(validation[exit]!.right[photo]);
    if (validation[exit]!.right[photo]) hits += 1;
    answers[exit]! += 1;
    if (validation[exit]!.right[photo]) hitsBy[exit]! += 1;
    for (const at of [0, 1, 2]) if (exit === 2 && validation[at]!.right[photo]) restHits[at]! += 1;
  }
  const { answered, rest, ...others } = policy;
  expect(others).toEqual({
    exit: "full",
    early,
    reach: [pastEarly / 4000, pastMiddle / 4000],
    accuracy: hits / 4000,
  });
  expect(answered![0]).toBeCloseTo(hitsBy[0]! / answers[0]!, 4);
  expect(answered![1]).toBeCloseTo(hitsBy[1]! / answers[1]!, 4);
  for (const [at, exit] of ["early", "middle", "full"].entries()) {
    expect(rest![exit], exit).toBeCloseTo(restHits[at]! / answers[2]!, 4);
  }
});

test("thresholds 0 and never give the plain exits, in accuracy and in work", () => {
  const work = (exit: string) => tryPolicy(model, validation, exit, []).cost.total;
  expect(work("full")).toBeCloseTo(1, 12);
  const always = tryPolicy(model, validation, "full", [{ exit: "early", threshold: 0 }]);
  expect(always.policy.reach).toEqual([0]);
  expect(always.right).toEqual(validation[0]!.right);
  expect(always.cost).toEqual({ asked: work("early"), total: work("early"), past: 0 });
  const never = tryPolicy(model, validation, "full", [{ exit: "early", threshold: 1 }]);
  expect(never.policy.reach).toEqual([1]);
  expect(never.right).toEqual(validation[2]!.right);
  // The branch of the early exit comes on top.
  const needed = new Set(allEdge(model, "full").head);
  expect(allEdge(model, "early").head.some((name) => !needed.has(name))).toBe(true);
  expect(never.cost.total).toBeGreaterThan(1);
});

test("policies pay: for some, photos that are sure early save much work and cost little accuracy", () => {
  expect(found.length).toBeGreaterThan(5);
  expect(found.length).toBeLessThanOrEqual(60);
  const plain = tryPolicy(model, validation, "full", []).policy.accuracy;
  expect(measured.some(({ cost, policy }) => cost.past < 0.7 && policy.accuracy > plain - 0.03)).toBe(true);
});

test("no policy is dominated on the photos it was found on", () => {
  for (const one of found) {
    for (const other of found) {
      if (one === other) continue;
      const { asked, total, past } = other.cost;
      const isDearer = asked > one.cost.asked || total > one.cost.total || past > one.cost.past;
      expect(isDearer || other.policy.accuracy < one.policy.accuracy).toBe(true);
    }
    // Nor by an exit that always answers.
    for (const id of ["early", "middle", "full"]) {
      const { cost, policy } = tryPolicy(model, toChooseOn, id, []);
      expect(cost.total > one.cost.asked || policy.accuracy < one.policy.accuracy).toBe(true);
    }
  }
});

test("other photos choose nothing: all policies are measured there, beside what they were chosen for", () => {
  expect(measured).toHaveLength(found.length);
  for (const [at, { policy }] of measured.entries()) {
    const before = found[at]!.policy;
    const { policy: there } = tryPolicy(model, validation, before.exit, before.early);
    expect(policy).toEqual({ ...there, chosen: before.accuracy });
  }
});

test("exits that know nothing have no policies", () => {
  const blind = toChooseOn.map(({ confidence }) => ({
    confidence: confidence.map(() => 0.5),
    right: toChooseOn[2]!.right,
  }));
  // All exits are right on the same photos: none is worth going on to.
  expect(findPolicies(model, blind)).toEqual([]);
});
