import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { EddiError } from "#shared/errors";
import { exitCosts } from "#shared/evaluator";
import { allCloud, allEdge, NO_SPREAD, readModel, splitPlan, USUAL_CODEC } from "#shared/model";
import { FIRST_GUESS } from "#shared/network";
import { type Knowledge, Planners } from "./planning.ts";
import { analyticTailProfile, headProfile } from "./profiles.ts";

const model = readModel(readFileSync("models/tiny/model.json"));
const exits = model.metadata.exits.map(({ id }) => id);
const everything = new Set(model.dag.names);
const head = await headProfile(model, "wasm", 50, async (url) => {
  throw new EddiError("not-found", url);
});
const costs = exitCosts(model, head.profile, analyticTailProfile(model).profile, { codec: USUAL_CODEC });
const good: Knowledge = {
  costs,
  conditions: { ...FIRST_GUESS, rttMs: 5, uplinkBps: 1e8, spread: NO_SPREAD },
  image: { ms: 0, sdMs: 0 },
  readyNodes: everything,
  cloudUp: true,
  policies: [],
  framesPerSecond: null,
  minAccuracy: null,
};
const planFor = (...args: Parameters<Planners["planFor"]>) => new Planners().planFor(...args);

test("without weights on the edge the plan is all-cloud, and the better one is wanted", () => {
  const slowLink = { ...good.conditions, rttMs: 500 };
  const planning = planFor({ ...good, readyNodes: new Set(), conditions: slowLink }, 5000, null);
  expect(planning.plan).toEqual({ ...allCloud(model, exits.at(-1)!), codecs: { image: USUAL_CODEC } });
  expect(planning.wanted).toEqual(allEdge(model, exits.at(-1)!));
});

test("without the cloud the plan is all-edge, at an exit that is ready", () => {
  const ready = new Set(allEdge(model, exits[0]!).head);
  const planning = planFor({ ...good, cloudUp: false, readyNodes: ready }, 5000, null);
  expect(planning.plan).toEqual(allEdge(model, exits[0]!));
  expect(planning.wanted?.exit).toBe(exits.at(-1));
});

test("with neither there is no plan", () => {
  const planning = planFor({ ...good, cloudUp: false, readyNodes: new Set() }, 5000, null);
  expect(planning.plan).toBeNull();
  expect(planning.prediction).toBeNull();
});

test("time spent on the image is taken from the budget and added to the prediction", () => {
  const without = planFor(good, 40, null);
  const slow = planFor({ ...good, image: { ms: 39.9, sdMs: 0 } }, 40, null);
  expect(without.prediction?.feasible).toBe(true);
  expect(slow.prediction?.feasible).toBe(false);
  expect(slow.prediction?.totalMs).toBeGreaterThan(39.9);
});

test("finishing takes the less, the more the head has done", () => {
  const far = planFor({ ...good, conditions: { ...good.conditions, rttMs: 500 } }, 5000, null);
  const near = planFor(good, 5000, null);
  expect(splitPlan(model, far.plan!).tail).toBeNull();
  expect(near.finish.map(({ exit }) => exit)).toEqual(exits);
  expect(near.finish.at(-1)!.finishMs).toBeGreaterThan(far.finish.at(-1)!.finishMs);
});

test("where an accuracy is enough, the fastest plan of it is wanted whatever the budget", () => {
  const measured = costs.map((exit, at) => ({ ...exit, accuracy: 0.5 + 0.1 * at }));
  const slowLink = { ...good.conditions, rttMs: 500 };
  const planning = (minAccuracy: number | null) =>
    planFor({ ...good, costs: measured, conditions: slowLink, minAccuracy }, 5000, null);
  expect(planning(0.45).plan?.exit).toBe(exits[0]);
  expect(planning(0.55).plan?.exit).toBe(exits[1]);
  expect(planning(null).plan?.exit).toBe(exits.at(-1));
  expect(planning(0.99).prediction?.feasible).toBe(false);
});

test("planners that are kept plan as new ones do, whatever has changed", () => {
  const planners = new Planners();
  const slow = { ...good.conditions, rttMs: 500 };
  const halfReady = new Set(allEdge(model, exits[0]!).head);
  const changes: Partial<Knowledge>[] = [
    {},
    { conditions: slow },
    { readyNodes: halfReady, conditions: slow },
    { readyNodes: halfReady, cloudUp: false },
    { cloudUp: false },
    { costs: costs.slice(0, 2) },
    { framesPerSecond: 30 },
    {},
  ];
  for (const change of changes) {
    const knowledge = { ...good, ...change };
    expect(planners.planFor(knowledge, 60, null)).toEqual(planFor(knowledge, 60, null));
  }
});

test("under load it is told what the plan and what any plan sustains", () => {
  const { load } = planFor({ ...good, framesPerSecond: 1e6 }, 5000, null);
  expect(load).toMatchObject({ framesPerSecond: 1e6, mode: "overload" });
  expect(load!.planFps).toBeCloseTo(load!.sustainableFps, 6);
  expect(planFor({ ...good, framesPerSecond: 0.01 }, 5000, null).load?.mode).toBe("latency");
  expect(planFor(good, 5000, null).load).toBeNull();
});

test("every way that an image may take is predicted: sure exits, a busy service's, the plan's own", () => {
  const measured = costs.map((exit, at) => ({ ...exit, accuracy: 0.5 + 0.1 * at }));
  const [first, second, last] = exits as [string, string, string];
  const early = [
    { exit: first, threshold: 0.9 },
    { exit: second, threshold: 0.8 },
  ];
  const policies = [{ exit: last, early, reach: [0.4, 0.2], accuracy: 0.75 }];
  const far = { ...good.conditions, rttMs: 100, edgeScale: 3 };
  const knowledge = { ...good, costs: measured, policies, conditions: far, image: { ms: 4, sdMs: 1 } };
  const planning = planFor({ ...knowledge, minAccuracy: 0.72 }, 5000, null);
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
  const { plan, ways, prediction } = planFor({ ...good, readyNodes: new Set() }, 5000, null);
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
  const floor = planFor({ ...good, readyNodes: new Set(), minAccuracy: 0 }, 5000, null);
  expect(floor.ways).toHaveLength(1);
});
