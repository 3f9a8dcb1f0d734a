import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { isImageCodec } from "#shared/codecs";
import { codecsOf, type ExitCosts, exitCosts, latencyOf } from "#shared/evaluator";
import { closedHeads } from "#shared/graph";
import { type Conditions, type Model, NO_SPREAD, readModel, splitPlan } from "#shared/model";
import { FIRST_GUESS } from "#shared/network";
import { periodMs } from "#shared/optimizer";
import { readProfile } from "#shared/profile";
import { randomFrom } from "#shared/random";
import { randomDag } from "../graph/fixture.ts";
import { leastPeriod } from "../optimizer/least-period.ts";
import { dadsHeavy, dadsLight } from "./dads.ts";
import { POLICIES, type PolicyName } from "./index.ts";
import type { Decide, Found, Known } from "./policy.ts";

const NAMES = Object.keys(POLICIES) as PolicyName[];
const MODELS = readdirSync("models", { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

function open(id: string): { readonly model: Model; readonly costs: readonly ExitCosts[] } {
  const model = readModel(readFileSync(`models/${id}/model.json`));
  const profile = (name: string) =>
    readProfile(JSON.parse(readFileSync(`models/${id}/profiles/${name}.json`, "utf8")));
  return {
    model,
    costs: exitCosts(model, profile("head-wasm"), profile("tail-native"), { codec: null }),
  };
}

const resnet = open("resnet-imagenette");

function randomConditions(random: () => number): Conditions {
  const between = (least: number, most: number): number => least * (most / least) ** random();
  return {
    rttMs: between(5, 300),
    uplinkBps: between(5e4, 5e7),
    downlinkBps: between(1e6, 1e8),
    edgeScale: between(0.5, 20),
    cloudScale: between(0.3, 10),
    queueMs: random() < 0.5 ? 0 : between(1, 100),
    spread: { ...FIRST_GUESS.spread, edge: 0.05, network: 0.1, rttMs: 2, uplink: 0.1, cloud: 0.1 },
  };
}

function knownOf(
  { model, costs }: ReturnType<typeof open>,
  conditions: Conditions,
  change: Partial<Known> = {},
): Known {
  return {
    costs,
    policies: model.metadata.policies ?? [],
    conditions,
    objective: { kind: "accuracy", budgetMs: 300 },
    lead: { ms: 5, sdMs: 1 },
    framesPerSecond: null,
    ...change,
  };
}

/** Throws where it is none. */
function planOf({ costs, head, early = [] }: Found) {
  const { names, successors } = costs.dag;
  const cut = names.filter((_, node) => head[node] && successors[node]!.some((reader) => !head[reader]));
  const codecs = codecsOf(costs, cut);
  return { exit: costs.exit, head: names.filter((_, node) => head[node]), early, ...(codecs && { codecs }) };
}

test.each(MODELS)("%s: what every policy decides is a plan, whatever is known and asked", (id) => {
  const opened = open(id);
  const random = randomFrom(7);
  for (const name of NAMES) {
    const decide: Decide = POLICIES[name]();
    for (let round = 0; round < 12; round++) {
      const change: Partial<Known> = {
        objective:
          round % 3 === 2
            ? { kind: "latency", minAccuracy: random() }
            : { kind: "accuracy", budgetMs: 10 * 200 ** random() },
        framesPerSecond: round % 4 === 3 ? 20 : null,
      };
      const found = decide(knownOf(opened, randomConditions(random), change));
      expect(() => splitPlan(opened.model, planOf(found)), `${id}, ${name}`).not.toThrow();
    }
  }
});

test("the trivial ones are what they are called", () => {
  const random = randomFrom(3);
  for (let round = 0; round < 40; round++) {
    const budgetMs = 20 * 40 ** random();
    const known = knownOf(resnet, randomConditions(random), { objective: { kind: "accuracy", budgetMs } });
    const edge = POLICIES["edge-only"]()(known);
    expect(edge.head.every(Boolean)).toBe(true);
    const fitting = resnet.costs.filter((exit) => {
      const ms = latencyOf(
        exit,
        exit.dag.names.map(() => true),
        known.conditions,
      ).edgeMs;
      return exit.wire!.mode === "plain" && 5 + ms + 1.645 * Math.hypot(1, 0.05 * ms) <= budgetMs;
    });
    const best = Math.max(...fitting.map(({ accuracy }) => accuracy!));
    if (fitting.length > 0) expect(edge.costs.accuracy).toBe(best);
    else expect(edge.costs.position).toBe(0);
    expect(POLICIES["edge-only-last"]()(known).costs.position).toBe(3);
    for (const image of ["raw", "jpeg", "webp"] as const) {
      const { costs, head } = POLICIES[`cloud-${image}`]()(known);
      expect(head.filter(Boolean)).toEqual([true]);
      expect(costs.position).toBe(3);
      const { codec } = costs.wire!.codecs[0]!;
      if (image === "raw") expect(isImageCodec(codec)).toBe(false);
      else expect(codec).toBe(image);
    }
  }
});

/** The least latency over every closed head of the full model, as an exhaustive search finds it. */
function exhaustive(costs: ExitCosts, conditions: Conditions): number {
  let least = Number.POSITIVE_INFINITY;
  for (const head of closedHeads(costs.dag)) {
    least = Math.min(least, latencyOf(costs, Array.from(head, Boolean), conditions).totalMs);
  }
  return least;
}

test("QDMP and DADS corrected are exact on random DAGs; DADS as published is not where cloud nodes are slow", () => {
  const random = randomFrom(11);
  let worse = 0;
  for (let round = 0; round < 150; round++) {
    const costs = randomCosts(random);
    const conditions = { ...randomConditions(random), spread: NO_SPREAD, edgeScale: 1, cloudScale: 1 };
    const known: Known = { ...knownOf(resnet, conditions), costs: [costs], policies: [] };
    const least = exhaustive(costs, conditions);
    for (const name of ["qdmp", "dads-light-corrected"] as const) {
      const { head } = POLICIES[name]()(known);
      expect(latencyOf(costs, head, conditions).totalMs, `${name}, ${round}`).toBeCloseTo(least, 6);
    }
    const published = latencyOf(costs, POLICIES["dads-light"]()(known).head, conditions).totalMs;
    expect(published).toBeGreaterThanOrEqual(least - 1e-6);
    if (published > least + 1e-6) worse += 1;
  }
  expect(worse).toBeGreaterThan(5);
});

function randomCosts(random: () => number): ExitCosts {
  const dag = randomDag(random, 4 + Math.floor(6 * random()));
  const times = (most: number): number[] => dag.names.map((_, node) => (node === 0 ? 0 : most * random()));
  return {
    exit: "last",
    position: 0,
    accuracy: 0.9,
    dag,
    edgeMs: times(40),
    cloudMs: times(40),
    wireBytes: dag.names.map(() => 100 + 20_000 * random()),
    edgeCutMs: times(1),
    cloudCutMs: times(1),
    edgeFixedMs: 0,
    cloudFixedMs: 0,
    requestBytes: 0,
    resultBytes: 0,
  };
}

test("the counter-example to DADS as published: what flows back costs 3 on paper and 7 when it runs", () => {
  const dag = { names: ["in", "a", "b"], successors: [[1], [2], []], predecessors: [[], [0], [1]] };
  const zero = [0, 0, 0];
  const costs: ExitCosts = {
    ...randomCosts(randomFrom(1)),
    dag,
    edgeMs: [0, 10, 1],
    cloudMs: [0, 1, 5],
    wireBytes: [1000, 1000, 1000],
    edgeCutMs: zero,
    cloudCutMs: zero,
  };
  const conditions: Conditions = {
    rttMs: 0,
    uplinkBps: 8e6,
    downlinkBps: 8e6,
    edgeScale: 1,
    cloudScale: 1,
    queueMs: 0,
    spread: NO_SPREAD,
  };
  const known: Known = { ...knownOf(resnet, conditions), costs: [costs], policies: [] };
  expect(latencyOf(costs, dadsLight("corrected")(known).head, conditions).totalMs).toBe(7);
  // On paper a goes to the cloud and b comes back; what of it is a head is the image.
  expect(dadsLight("published")(known).head).toEqual([true, false, false]);
});

test("DADS heavy keeps its light plan while that keeps up, else its period comes near the least there is", () => {
  const random = randomFrom(5);
  let heavier = 0;
  for (let round = 0; round < 30; round++) {
    const conditions = randomConditions(random);
    const known = knownOf(resnet, conditions, { framesPerSecond: 1000 });
    const light = dadsLight("corrected")(known);
    const heavy = dadsHeavy("corrected")(known);
    const period = (found: Found): number => periodMs(latencyOf(found.costs, found.head, conditions));
    expect(period(heavy)).toBeLessThanOrEqual(period(light) + 1e-9);
    const least = leastPeriod(heavy.costs, conditions)!.periodMs;
    // Factor 3 is what the paper proves.
    expect(period(heavy)).toBeLessThanOrEqual(3 * least + 1e-9);
    if (period(heavy) < period(light) - 1e-6) heavier += 1;
    expect(dadsHeavy("corrected")({ ...known, framesPerSecond: 0.001 }).head).toEqual(light.head);
  }
  expect(heavier).toBeGreaterThan(3);
});

test("Edgent takes the deepest exit that it thinks in time, SPINN the most accurate on average", () => {
  const random = randomFrom(9);
  for (let round = 0; round < 40; round++) {
    const conditions = { ...randomConditions(random), rttMs: 0, queueMs: 0, downlinkBps: Infinity };
    const budgetMs = 20 * 40 ** random();
    const known = knownOf(resnet, conditions, { objective: { kind: "accuracy", budgetMs } });
    const found = POLICIES.edgent()(known);
    const ms = (one: Found): number => latencyOf(one.costs, one.head, conditions).totalMs;
    const isKept = 5 + ms(found) <= budgetMs;
    const deeper = resnet.costs.filter(
      ({ position, wire }) => wire!.mode === "plain" && (!isKept || position > found.costs.position),
    );
    for (const costs of deeper) {
      for (const head of [costs.dag.names.map(() => true), costs.dag.names.map((_, node) => node === 0)]) {
        if (isKept) expect(5 + latencyOf(costs, head, conditions).totalMs).toBeGreaterThan(budgetMs);
        else expect(latencyOf(costs, head, conditions).totalMs).toBeGreaterThanOrEqual(ms(found) - 1e-9);
      }
    }
    const joint = POLICIES.spinn()(known);
    // Asking exits on the way only adds plans: on average it is never less accurate than Edgent's.
    if (isKept) expect(joint.accuracy ?? 0).toBeGreaterThanOrEqual(found.costs.accuracy! - 1e-9);
  }
});

test("static ones do not follow conditions; each start begins anew", () => {
  const random = randomFrom(13);
  for (const name of ["static-split", "portend"] as const) {
    const decide: Decide = POLICIES[name]();
    const first = planOf(decide(knownOf(resnet, { ...randomConditions(random), edgeScale: 0.3 })));
    for (let round = 0; round < 10; round++) {
      expect(planOf(decide(knownOf(resnet, randomConditions(random)))), name).toEqual(first);
    }
    const other = planOf(POLICIES[name]()(knownOf(resnet, { ...randomConditions(random), edgeScale: 40 })));
    expect(other, name).not.toEqual(first);
  }
  const { head } = POLICIES["static-split"]()(knownOf(resnet, FIRST_GUESS));
  const inside = head.filter(Boolean).length;
  expect(inside).toBeGreaterThan(1);
  expect(inside).toBeLessThan(head.length);
});
