import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { exitCosts } from "#shared/evaluator";
import { allCloud, allEdge, NO_SPREAD, type Plan, readModel, splitPlan, USUAL_CODEC } from "#shared/model";
import { FIRST_GUESS } from "#shared/network";
import { readProfile } from "#shared/profile";
import { SharedPlanners } from "./eddi-planner.ts";
import type { CostedModel, PlanRequest } from "./planner.ts";
import { planningFor } from "./planning-for.ts";

const model = readModel(readFileSync("models/tiny/model.json"));
const exits = model.metadata.exits.map(({ id }) => id);
const everything = new Set(model.dag.names);
const profile = (name: string) =>
  readProfile(JSON.parse(readFileSync(`models/tiny/profiles/${name}.json`, "utf8")));
const costs = exitCosts(model, profile("head-wasm"), profile("tail-wasm"), { codec: USUAL_CODEC });
/** The profiled machine is too fast for this model to need a cloud. */
const SLOW_PHONE = 200;
const costed0: CostedModel = { costs, policies: [] };
const good: PlanRequest = {
  conditions: { ...FIRST_GUESS, rttMs: 5, uplinkBps: 1e8, edgeScale: SLOW_PHONE, spread: NO_SPREAD },
  budgetMs: 5000,
  image: { ms: 0, sdMs: 0 },
  readyNodes: everything,
  cloudUp: true,
  framesPerSecond: null,
  minAccuracy: null,
  previous: null,
};
const planFor = (change: Partial<PlanRequest>, costed = costed0) =>
  planningFor(costed, new SharedPlanners(costed).start(), { ...good, ...change });

test("without weights on the edge the plan is all-cloud, and the better one is wanted", () => {
  const slowLink = { ...good.conditions, rttMs: 500 };
  const planning = planFor({ readyNodes: new Set(), conditions: slowLink });
  expect(planning.plan).toEqual({ ...allCloud(model, exits.at(-1)!), codecs: { image: USUAL_CODEC } });
  expect(planning.wanted).toEqual(allEdge(model, exits.at(-1)!));
});

test("without the cloud the plan is all-edge, at an exit that is ready", () => {
  const ready = new Set(allEdge(model, exits[0]!).head);
  const planning = planFor({ cloudUp: false, readyNodes: ready });
  expect(planning.plan).toEqual(allEdge(model, exits[0]!));
  expect(planning.wanted?.exit).toBe(exits.at(-1));
});

test("with neither there is no plan", () => {
  const planning = planFor({ cloudUp: false, readyNodes: new Set() });
  expect(planning.plan).toBeNull();
  expect(planning.prediction).toBeNull();
});

test("time spent on the image is taken from the budget and added to the prediction", () => {
  const without = planFor({ budgetMs: 40 });
  const slow = planFor({ image: { ms: 39.9, sdMs: 0 }, budgetMs: 40 });
  expect(without.prediction?.feasible).toBe(true);
  expect(slow.prediction?.feasible).toBe(false);
  expect(slow.prediction?.totalMs).toBeGreaterThan(39.9);
});

test("finishing takes the less, the more the head has done", () => {
  const far = planFor({ conditions: { ...good.conditions, rttMs: 500 } });
  const near = planFor({});
  expect(splitPlan(model, far.plan!).tail).toBeNull();
  expect(near.finish.map(({ exit }) => exit)).toEqual(exits);
  expect(near.finish.at(-1)!.finishMs).toBeGreaterThan(far.finish.at(-1)!.finishMs);
});

test("where an accuracy is enough, the fastest plan of it is wanted whatever the budget", () => {
  const measured = costs.map((exit, at) => ({ ...exit, accuracy: 0.5 + 0.1 * at }));
  const slowLink = { ...good.conditions, rttMs: 500 };
  const planning = (minAccuracy: number | null) =>
    planFor({ conditions: slowLink, minAccuracy }, { costs: measured, policies: [] });
  expect(planning(0.45).plan?.exit).toBe(exits[0]);
  expect(planning(0.55).plan?.exit).toBe(exits[1]);
  expect(planning(null).plan?.exit).toBe(exits.at(-1));
  expect(planning(0.99).prediction?.feasible).toBe(false);
});

test("planners that share envelopes plan as those with their own do, whatever has changed", () => {
  const shared = new SharedPlanners(costed0);
  const slow = { ...good.conditions, rttMs: 500 };
  const halfReady = new Set(allEdge(model, exits[0]!).head);
  const changes: Partial<PlanRequest>[] = [
    {},
    { conditions: slow },
    { readyNodes: halfReady, conditions: slow },
    { readyNodes: halfReady, cloudUp: false },
    { cloudUp: false },
    { framesPerSecond: 30 },
    {},
  ];
  const kept = shared.start();
  for (const change of changes) {
    const request = { ...good, budgetMs: 60, ...change };
    const expected = planFor(request);
    expect(planningFor(costed0, kept, request)).toEqual(expected);
    expect(planningFor(costed0, shared.start(), request)).toEqual(expected);
  }
  expect(shared.planner(false, new Set(everything))).toBe(shared.planner(false));
});

test("users of shared envelopes have a patience each", () => {
  const shared = new SharedPlanners(costed0);
  const near = { ...good, budgetMs: 60 };
  const far = { ...near, conditions: { ...good.conditions, rttMs: 500 } };
  const users = [shared.start(), shared.start()];
  const first = users.map((user) => user.plan(near).plan);
  for (const [at, user] of users.entries()) user.plan({ ...near, previous: first[at]! });
  // One outlier moves nobody, a second in a row does: of the same user.
  const after = users.map((user, at) => user.plan({ ...far, previous: first[at]! }).plan);
  const spot = ({ insurance: _, ...plan }: Plan) => plan;
  expect(after.map((plan) => spot(plan!))).toEqual(first.map((plan) => spot(plan!)));
  const moved = users[0]!.plan({ ...far, previous: first[0]! }).plan;
  expect(spot(moved!)).not.toEqual(spot(first[0]!));
});

test("under load it is told what the plan and what any plan sustains", () => {
  const { load } = planFor({ framesPerSecond: 1e6 });
  expect(load).toMatchObject({ framesPerSecond: 1e6, mode: "overload" });
  expect(load!.planFps).toBeCloseTo(load!.sustainableFps, 6);
  expect(planFor({ framesPerSecond: 0.01 }).load?.mode).toBe("latency");
  expect(planFor({}).load).toBeNull();
});

test("every way that an image may take is predicted: sure exits, a busy service's, the plan's own", () => {
  const measured = costs.map((exit, at) => ({ ...exit, accuracy: 0.5 + 0.1 * at }));
  const [first, second, last] = exits as [string, string, string];
  const early = [
    { exit: first, threshold: 0.9 },
    { exit: second, threshold: 0.8 },
  ];
  const policies = [{ exit: last, early, reach: [0.4, 0.2], accuracy: 0.75 }];
  const far = { ...good.conditions, rttMs: 100, edgeScale: 3 * SLOW_PHONE };
  const wish = { conditions: far, image: { ms: 4, sdMs: 1 }, minAccuracy: 0.72 };
  const planning = planFor(wish, { costs: measured, policies });
  expect(planning.plan).toMatchObject({ exit: last, early });
  const { ways, prediction } = planning;
  expect(ways.map(({ exit, by }) => `${exit} ${by}`)).toEqual([
    `${first} edge`,
    `${second} edge`,
    `${last} ${splitPlan(model, planning.plan!).tail === null ? "edge" : "cloud"}`,
  ]);
  const totals = ways.map(({ forecast }) => forecast.totalMs);
  expect(totals.toSorted((a, b) => a - b)).toEqual(totals);
  expect(totals.at(-1)).toBe(prediction!.totalMs);
  // What is told of the ways is what the mean is made of.
  const mean = 0.6 * totals[0]! + 0.2 * totals[1]! + 0.2 * totals[2]!;
  expect(prediction!.expectedMs).toBeCloseTo(mean, 6);
  for (const { forecast } of ways) expect(forecast.imageMs).toBe(4);
});

test("a service that answers earlier computes less and takes the same request", () => {
  const { plan, ways, prediction } = planFor({ readyNodes: new Set() });
  expect(plan).toMatchObject(allCloud(model, exits.at(-1)!));
  expect(ways.map(({ exit, by }) => `${exit} ${by}`)).toEqual(exits.map((exit) => `${exit} cloud`));
  for (const { forecast } of ways) {
    const { cloudMs, totalMs, ...others } = forecast.latency;
    expect(prediction!.latency).toMatchObject(others);
    expect(totalMs - cloudMs).toBeCloseTo(prediction!.latency.totalMs - prediction!.latency.cloudMs, 9);
  }
  const cloudMs = ways.map(({ forecast }) => forecast.latency.cloudMs);
  expect(cloudMs.toSorted((a, b) => a - b)).toEqual(cloudMs);
  expect(cloudMs[0]).toBeLessThan(cloudMs.at(-1)!);
  // Where an accuracy is asked for, nobody answers earlier.
  const floor = planFor({ readyNodes: new Set(), minAccuracy: 0 });
  expect(floor.ways).toHaveLength(1);
});
