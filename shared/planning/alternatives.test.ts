import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { exitCosts, latencyOf } from "#shared/evaluator";
import { readModel, splitPlan } from "#shared/model";
import { FIRST_GUESS } from "#shared/network";
import { readProfile } from "#shared/profile";
import { alternativesOf, sentBytes } from "./alternatives.ts";
import type { CostedModel, PlanRequest } from "./planner.ts";

const model = readModel(readFileSync("models/resnet-imagenette/model.json"));
const profile = (name: string) =>
  readProfile(JSON.parse(readFileSync(`models/resnet-imagenette/profiles/${name}.json`, "utf8")));
const costs = exitCosts(model, profile("head-wasm"), profile("tail-wasm"), { codec: null });
const costed: CostedModel = { costs, policies: model.metadata.policies ?? [] };
const request: PlanRequest = {
  conditions: { ...FIRST_GUESS, rttMs: 80, uplinkBps: 1.1e6, edgeScale: 5, cloudScale: 1 },
  budgetMs: 300,
  minAccuracy: null,
  framesPerSecond: null,
  image: { ms: 8, sdMs: 1 },
  readyNodes: new Set(model.dag.names),
  cloudUp: true,
  previous: null,
};

test("each way is one that runs, at what it is expected to cost", () => {
  const found = alternativesOf(costed, request);
  expect(found.map(({ kind }) => kind)).toEqual(["all-cloud", "early-edge", "all-edge"]);
  for (const { kind, plan, prediction, sentBytes: bytes } of found) {
    const { cut, tail } = splitPlan(model, plan);
    expect(cut, kind).toEqual(kind === "all-cloud" ? ["image"] : []);
    expect(tail === null, kind).toBe(kind !== "all-cloud");
    expect(bytes > 0, kind).toBe(kind === "all-cloud");
    expect(bytes, kind).toBe(sentBytes(costed, plan));
    expect(prediction.totalMs, kind).toBeGreaterThan(0);
  }
  const whole = costs.find(({ exit }) => exit === "exit4")!;
  const everywhere = whole.dag.names.map(() => true);
  const { totalMs } = latencyOf(whole, everywhere, request.conditions);
  expect(found[2]!.prediction.totalMs).toBeCloseTo(totalMs + request.image.ms);
});

test("without a cloud nothing of it is told, and of exits the best that keeps the budget", () => {
  const offline = alternativesOf(costed, { ...request, cloudUp: false, budgetMs: 100_000 });
  expect(offline.map(({ kind, plan }) => `${kind} ${plan.exit}`)).toEqual([
    "early-edge exit3",
    "all-edge exit4",
  ]);
  const hurried = alternativesOf(costed, { ...request, cloudUp: false, budgetMs: 5 });
  expect(hurried[0]!.plan.exit).toBe("exit1");
});

test("a faster link lets the image travel as it is wanted, and its bytes say so", () => {
  const cloud = (uplinkBps: number) =>
    alternativesOf(costed, { ...request, conditions: { ...request.conditions, uplinkBps } })[0]!;
  expect(cloud(50e6).prediction.accuracy).toBeGreaterThanOrEqual(cloud(0.5e6).prediction.accuracy!);
  expect(cloud(50e6).sentBytes).toBeGreaterThan(cloud(0.5e6).sentBytes);
});
