import { expect, test } from "vitest";
import { exitCosts } from "#shared/evaluator";
import { type Plan, splitPlan } from "#shared/model";
import { addDetour, fixtureModel } from "../../../../shared/model/fixture.ts";
import { analyticProfile } from "../../../../shared/profile/analytic-profile.ts";
import { demandsOf } from "./demands.ts";

const model = fixtureModel(addDetour);
const [head, tail] = [analyticProfile(model, "head", 1e6, 0), analyticProfile(model, "tail", 1e7, 0)];
const costs = exitCosts(model, head, tail, { codec: null });

test("a cut by a learned codec behind an early exit that its decoder does not lead to is played, with what it loses", () => {
  const plan: Plan = {
    exit: "full",
    head: ["image", "stem", "deep", "join"],
    early: [{ exit: "early", threshold: 0.9 }],
    codecs: { join: { codec: "linear", quality: 1, deflate: false } },
  };
  expect(splitPlan(model, plan).cut).toEqual(["join"]);
  const { asks, remote, restMs } = demandsOf(costs, plan, "fetch");
  expect(asks.map(({ exit }) => exit)).toEqual(["early"]);
  expect(remote).toMatchObject({ cut: ["join"], codec: "linear", loss: 0.04 });
  // The trunk has run for the early exit: what is left is to read back, to encode and to code.
  const own = costs.find(({ exit, wire }) => exit === "full" && wire!.counted !== undefined)!;
  expect(restMs).toBeCloseTo(own.edgeCutMs[own.dag.names.indexOf("join")]!, 12);
  expect(restMs).toBeGreaterThan(0);
});
