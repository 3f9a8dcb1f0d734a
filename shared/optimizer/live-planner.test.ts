import { expect, test } from "vitest";
import { type Conditions, NO_SPREAD } from "#shared/model";
import { randomFrom } from "#shared/random";
import { randomConditions, randomExits } from "../evaluator/fixture.ts";
import type { Constraints } from "./constraints.ts";
import type { Decision } from "./decision.ts";
import {
  branchyExits,
  everyWay,
  randomConstraints,
  randomObjective,
  randomPolicies,
  restarting,
} from "./fixture.ts";
import { LivePlanner, type LiveRequest } from "./live-planner.ts";
import { optimize } from "./optimize.ts";

test("under certain conditions a decision is what optimize chooses, for every objective", () => {
  for (const { costs, conditions: uncertain, constraints, objective } of problems(1500)) {
    const conditions = { ...uncertain, spread: NO_SPREAD };
    const planner = new LivePlanner({ costs, constraints });
    const expected = optimize({ costs, conditions, constraints, objective });
    const decision = planner.decide({ conditions, objective });
    expect(decision === null).toBe(expected === null);
    if (decision === null || expected === null) continue;
    const choice = planner.describe(decision, { conditions, objective });
    expect(choice.feasible).toBe(expected.feasible);
    if (objective.kind === "accuracy" && choice.feasible && choice.exit !== expected.exit) {
      // What is nearly as accurate and faster is preferred.
      expect(choice.accuracy).toBeGreaterThanOrEqual(expected.accuracy! - 0.002);
      expect(choice.latency.totalMs).toBeLessThanOrEqual(expected.latency.totalMs + 1e-6);
      continue;
    }
    expect(choice.latency.totalMs).toBeCloseTo(expected.latency.totalMs, 6);
    expect(choice.periodMs).toBeCloseTo(expected.periodMs, 6);
    expect(choice.expectedMs).toBeCloseTo(choice.latency.totalMs, 6);
    // Exits of equal latency may stand in for each other, those of equal accuracy too.
    if (choice.exit === expected.exit) expect(choice.accuracy).toBe(expected.accuracy);
  }
});

test("the fastest and the steadiest, early exits included, are those of brute force over all heads", () => {
  let early = 0;
  for (let seed = 0; seed < 2000; seed++) {
    const random = randomFrom(seed);
    const costs = branchyExits(random);
    const policies = randomPolicies(random, costs);
    const constraints: Constraints = random() < 0.8 ? {} : randomConstraints(random, costs);
    const kind = random() < 0.5 ? "latency" : "throughput";
    const objective = { kind, minAccuracy: 0.4 + 0.6 * random() } as const;
    const request = { conditions: restarting(randomConditions(random), seed), objective };
    const planner = new LivePlanner({ costs, policies, constraints });
    const decision = planner.decide(request);
    const all = everyWay(costs, policies, constraints, request.conditions);
    const label = `seed ${seed}`;
    expect(decision === null, label).toBe(all.length === 0);
    if (decision === null) continue;
    const choice = planner.describe(decision, request);
    const good = all.filter(({ policy }) => policy.accuracy >= objective.minAccuracy);
    expect(choice.feasible, label).toBe(good.length > 0);
    const eligible = good.length > 0 ? good : all;
    const highest = Math.max(...eligible.map(({ policy }) => policy.accuracy));
    const rivals = eligible.filter(({ policy }) => choice.feasible || policy.accuracy === highest);
    if (!choice.feasible) expect(choice.accuracy, label).toBe(highest);
    if (objective.kind === "throughput") {
      expect(decision.periodMs, label).toBeCloseTo(Math.min(...rivals.map(({ periodMs }) => periodMs)), 6);
    } else {
      expect(choice.expectedMs, label).toBeCloseTo(Math.min(...rivals.map(({ ms }) => ms)), 6);
    }
    if (choice.early !== undefined) early++;
  }
  expect(early).toBeGreaterThan(100);
});

test("under load: a plan that keeps up, if need be another one, else the one that sustains most", () => {
  const modes = { latency: 0, throughput: 0, overload: 0 };
  for (let seed = 0; seed < 2500; seed++) {
    const random = randomFrom(seed);
    const costs = branchyExits(random);
    const policies = randomPolicies(random, costs);
    const objective = randomObjective(random);
    const framesPerSecond = 10 ** (0.5 + 2 * random());
    const conditions = restarting(randomConditions(random), seed);
    const lead = { ms: 20 * random(), sdMs: 0 };
    const request: LiveRequest = { conditions, objective, framesPerSecond, lead };
    const planner = new LivePlanner({ costs, policies });
    const decision = planner.decide(request)!;
    modes[decision.mode]++;
    const all = everyWay(costs, policies, {}, request.conditions, lead.ms);
    const limitMs = 1000 / framesPerSecond;
    const keepsUp = all.filter(({ periodMs }) => periodMs <= limitMs + 1e-9);
    expect(decision.mode === "overload", `seed ${seed}`).toBe(keepsUp.length === 0);
    const floor = objective.kind === "accuracy" ? 0 : objective.minAccuracy;
    const accurate = all.filter(({ policy }) => policy.accuracy >= floor);
    const highest = Math.max(...all.map(({ policy }) => policy.accuracy));
    const allowed = accurate.length > 0 ? accurate : all.filter(({ policy }) => policy.accuracy === highest);
    const leastMs = Math.min(...allowed.map(({ periodMs }) => periodMs));
    if (decision.mode === "overload") expect(decision.periodMs).toBeCloseTo(leastMs, 6);
    else expect(decision.periodMs).toBeLessThanOrEqual(limitMs + 1e-9);
    expect(planner.sustainableFps(request)).toBeCloseTo(1000 / leastMs, 6);
  }
  for (const [mode, count] of Object.entries(modes)) expect(count, mode).toBeGreaterThan(100);
});

test("under load, with patience too, deciding again from the answer changes neither plan nor mode", () => {
  const modes = new Set<string>();
  for (let seed = 0; seed < 600; seed++) {
    const random = randomFrom(seed);
    const planner = new LivePlanner({ costs: branchyExits(random) });
    const framesPerSecond = 10 ** (0.5 + 2 * random());
    const conditions = randomConditions(random);
    const request = { conditions, objective: randomObjective(random), framesPerSecond, patience: 2 };
    const first = copyOf(planner.decide(request))!;
    for (let again = 0; again < 3; again++) {
      expect(copyOf(planner.decide(request, first)), `seed ${seed}`).toEqual(first);
    }
    modes.add(first.mode);
  }
  expect(modes.size).toBe(3);
});

test("the previous plan stays while it is as good to 3 ms or 5 %, and goes when it is not", () => {
  const counts = { kept: 0, left: 0 };
  for (const [seed, problem] of problems(800).entries()) {
    const random = randomFrom(seed + 10_000);
    const { costs, constraints, conditions, objective } = problem;
    if (objective.kind === "throughput") continue;
    const request = { conditions: { ...conditions, spread: NO_SPREAD }, objective };
    const planner = new LivePlanner({ costs, constraints });
    const best = copyOf(planner.decide(request));
    if (best === null) continue;
    const option = Math.floor(random() * planner.options.length);
    const head = Math.floor(random() * planner.options[option]!.envelope.count);
    const decision = copyOf(planner.decide(request, { option, head }))!;
    expect(decision.feasible).toBe(best.feasible);
    if (objective.kind === "accuracy") expect(decision.worth).toBeGreaterThanOrEqual(best.worth - 0.01);
    else {
      const [own, other] = [planner.options[decision.option]!, planner.options[best.option]!];
      expect(own.rank).toBeGreaterThanOrEqual(other.rank);
    }
    const bound = best.expectedMs + Math.max(3, 0.05 * best.expectedMs);
    expect(decision.expectedMs).toBeLessThanOrEqual(bound);
    const isKept = decision.option === option && decision.head === head;
    counts[isKept ? "kept" : "left"]++;
    if (!isKept) expect(decision).toEqual(best);
    // Deciding again from the answer changes nothing.
    expect(copyOf(planner.decide(request, decision))).toEqual(decision);
  }
  expect(counts.kept).toBeGreaterThan(100);
  expect(counts.left).toBeGreaterThan(100);
});

test("a budget that is nearly kept is no reason to move down, one that is barely kept none to move up", () => {
  const seen = { stayed: 0, moved: 0 };
  for (const { costs, conditions } of problems(400)) {
    if (costs.length < 2) continue;
    const planner = new LivePlanner({ costs });
    const request = (budgetMs: number): LiveRequest => ({
      conditions,
      objective: { kind: "accuracy", budgetMs },
    });
    // Up and down again in small steps: the same plans must be left later than they were taken up.
    let previous: Decision | null = null;
    let steps = 0;
    for (let budgetMs = 5; budgetMs < 500; budgetMs *= 1.002) {
      const decision: Decision = copyOf(planner.decide(request(budgetMs), previous))!;
      const before = previous;
      const down = planner.decide(request(budgetMs / 1.002), decision)!;
      if (before?.feasible && decision.option !== before.option) {
        steps++;
        // One step back, and the plan that was just taken up stays.
        if (down.option === decision.option) seen.stayed++;
        else seen.moved++;
      }
      previous = decision;
    }
    if (steps > 4 * costs.length) expect.fail(`the plan flaps: ${steps} moves`);
  }
  expect(seen.stayed).toBeGreaterThan(100);
  expect(seen.moved).toBeLessThan(0.1 * seen.stayed);
});

test("conditions that tremble do not make the plan flap", () => {
  const random = randomFrom(3);
  for (const { costs, conditions } of problems(100)) {
    const planner = new LivePlanner({ costs });
    for (const objective of [
      { kind: "latency", minAccuracy: 0 },
      { kind: "accuracy", budgetMs: 120 },
    ] as const) {
      let previous: Decision | null = null;
      let moves = 0;
      for (let image = 0; image < 40; image++) {
        const uplinkBps = conditions.uplinkBps * (0.98 + 0.04 * random());
        const rttMs = conditions.rttMs * (0.98 + 0.04 * random());
        const now = { conditions: { ...conditions, uplinkBps, rttMs }, objective };
        const next: Decision = copyOf(planner.decide(now, previous))!;
        if (previous !== null && (next.option !== previous.option || next.head !== previous.head)) moves++;
        previous = next;
      }
      expect(moves).toBeLessThanOrEqual(2);
    }
  }
});

test("a plan is found again where it stands, and one that is none is not", () => {
  for (const { costs, conditions, objective } of problems(200)) {
    const planner = new LivePlanner({ costs });
    const request = { conditions, objective };
    const decision = planner.decide(request)!;
    const plan = planner.describe(decision, request);
    expect(planner.find(plan)).toEqual({ option: decision.option, head: decision.head });
    expect(planner.find({ ...plan, exit: "gone" })).toBeNull();
    expect(planner.find({ ...plan, head: [] })).toBeNull();
    expect(planner.find({ ...plan, early: [{ exit: "gone", threshold: 1 }] })).toBeNull();
  }
});

function problems(count: number) {
  return Array.from({ length: count }, (_, seed) => {
    const random = randomFrom(seed);
    const costs = randomExits(random, 10);
    const conditions: Conditions = randomConditions(random);
    const constraints = randomConstraints(random, costs);
    return { costs, conditions, constraints, objective: randomObjective(random) };
  });
}

function copyOf(decision: Decision | null): Decision | null {
  if (decision === null) return null;
  return { ...decision };
}
