import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { exitCosts } from "#shared/evaluator";
import {
  allCloud,
  allEdge,
  type EarlyExit,
  type ExitPolicy,
  type Plan,
  readModel,
  USUAL_CODEC,
} from "#shared/model";
import { FIRST_GUESS } from "#shared/network";
import { readProfile } from "#shared/profile";
import { randomFrom } from "#shared/random";
import { soonestHere } from "./soonest.ts";

const model = readModel(readFileSync("models/tiny/model.json"));
const ids = model.metadata.exits.map(({ id }) => id);
const everything = new Set(model.dag.names);
const profile = (name: string) =>
  readProfile(JSON.parse(readFileSync(`models/tiny/profiles/${name}.json`, "utf8")));
const costs = exitCosts(model, profile("head-wasm"), profile("tail-wasm"), { codec: USUAL_CODEC }).map(
  (exit, at) => ({
    ...exit,
    edgeFixedMs: 0.1,
    accuracy: 0.7 + 0.1 * at,
  }),
);
const conditions = { ...FIRST_GUESS, edgeScale: 7 };
const IMAGES = 400;

/** Exits that are asked, each with the share of those that it is asked of who go on: any that come earlier. */
function randomPolicies(random: () => number, begins: readonly EarlyExit[]): readonly ExitPolicy[] {
  return Array.from({ length: 12 }, () => {
    const final = 1 + Math.floor(random() * (ids.length - 1));
    const own = random() < 0.5 ? begins : [];
    const later = ids.slice(0, final).filter((id) => own.every(({ exit }) => exit < id) && random() < 0.6);
    const early = [...own, ...later.map((exit) => ({ exit, threshold: 0.9 }))];
    let passed = 1;
    const reach = early.map(() => {
      passed = Math.round(IMAGES * passed * random()) / IMAGES;
      return passed;
    });
    return { exit: ids[final]!, early, reach, accuracy: 0.7 + 0.25 * random() };
  }).filter(({ exit, early }) => early.every((one) => one.exit < exit));
}

/** Mean of the edge's time over those of many images that pass the plan's early exits, one after the other. */
function meanMs({ exit, early, reach }: ExitPolicy, { head, early: asked = [] }: Plan): number {
  const ofExit = (id: string) => costs.find((one) => one.exit === id)!;
  let count = 0;
  let sum = 0;
  for (let image = 0; image < IMAGES; image++) {
    const share = (image + 0.5) / IMAGES;
    const done = new Set([...head, ...asked.flatMap((one) => ofExit(one.exit).dag.names)]);
    if (asked.length > 0 && share >= reach[asked.length - 1]!) continue;
    count += 1;
    for (const [at, id] of [...early.map((one) => one.exit), exit].entries()) {
      if (at < asked.length) continue;
      const { dag, edgeMs, edgeFixedMs } = ofExit(id);
      sum += conditions.edgeScale * edgeFixedMs;
      for (const [node, name] of dag.names.entries()) {
        if (!done.has(name)) sum += conditions.edgeScale * edgeMs[node]!;
        done.add(name);
      }
      if (share >= (reach[at] ?? 0)) break;
    }
  }
  return count === 0 ? Number.POSITIVE_INFINITY : sum / count;
}

test("no exit or policy that is accurate enough, and begins as the plan has, takes less on average", () => {
  const random = randomFrom(3);
  let asked = 0;
  for (let round = 0; round < 120; round++) {
    const begins = random() < 0.5 ? [] : [{ exit: ids[0]!, threshold: 0.8 }];
    const policies = randomPolicies(random, begins);
    const whole = allEdge(model, ids.at(-1)!).head;
    const base = begins.length === 0 ? allCloud(model, ids.at(-1)!).head : allEdge(model, ids[0]!).head;
    const plan: Plan = {
      exit: ids.at(-1)!,
      head: whole.filter((name) => base.includes(name)),
      ...(begins.length === 0 ? {} : { early: begins }),
    };
    const minAccuracy = 0.7 + 0.2 * random();
    const told = soonestHere({ costs, policies }, plan, { minAccuracy, readyNodes: everything, conditions })!;
    const plain = costs.map(({ exit, accuracy }): ExitPolicy => ({ exit, early: [], reach: [], accuracy }));
    const fit = [...plain, ...policies].filter(
      ({ early, accuracy }) =>
        accuracy >= minAccuracy && begins.every((one, at) => early[at]?.threshold === one.threshold),
    );
    if (fit.length === 0) {
      expect(told.stages.map(({ exit }) => exit)).toEqual([plan.exit]);
      continue;
    }
    let left = 1;
    let mean = 0;
    for (const { ms, share } of told.stages) {
      mean += left * ms;
      left -= share;
    }
    expect(left).toBeCloseTo(0);
    const passed = fit.map((way) => meanMs(way, plan)).filter(Number.isFinite);
    if (passed.length === fit.length) expect(mean, `round ${round}`).toBeCloseTo(Math.min(...passed), 6);
    asked += told.stages.length > 1 ? 1 : 0;
  }
  expect(asked).toBeGreaterThan(8);
});

test("only what is ready is asked, and none where the best by a budget is wanted", () => {
  const plan = allCloud(model, ids.at(-1)!);
  const early = [{ exit: ids[0]!, threshold: 0.5 }];
  const policies = [{ exit: ids.at(-1)!, early, reach: [0.1], accuracy: 0.9 }];
  const request = { minAccuracy: 0.85, readyNodes: everything, conditions };
  expect(soonestHere({ costs, policies }, plan, request)?.stages[0]).toMatchObject(early[0]!);
  expect(soonestHere({ costs, policies }, plan, { ...request, minAccuracy: null })).toBeNull();
  const readyNodes = new Set(allEdge(model, ids.at(-1)!).head);
  const told = soonestHere({ costs, policies }, plan, { ...request, readyNodes });
  expect(told?.stages.map(({ exit }) => exit)).toEqual([ids.at(-1)]);
});
