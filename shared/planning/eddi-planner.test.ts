import { expect, test } from "vitest";
import { exitCosts } from "#shared/evaluator";
import { addDetour, fixtureModel } from "../model/fixture.ts";
import { analyticProfile } from "../profile/analytic-profile.ts";
import { SharedPlanners } from "./eddi-planner.ts";

test("until its encoder is ready no plan goes by a learned codec, be all nodes of the DAG ready", () => {
  const model = fixtureModel(addDetour);
  const [head, tail] = [analyticProfile(model, "head", 1e6, 0), analyticProfile(model, "tail", 1e6, 0)];
  const costs = exitCosts(model, head, tail, { codec: null });
  const planners = new SharedPlanners({ costs, policies: [] });
  const { encoder } = model.detours.get("join")!;
  const learned = (ready: ReadonlySet<string>) =>
    planners.planner(false, ready).options.filter((option) => option.costs.beside !== undefined).length;
  expect(learned(new Set(model.dag.names))).toBe(0);
  expect(learned(new Set([...model.dag.names, ...encoder.nodes]))).toBeGreaterThan(0);
});
