import { expect, test } from "vitest";
import { type ExitCosts, latencyOf, latencySdMs } from "#shared/evaluator";
import { ancestors, subgraph } from "#shared/graph";
import { type Conditions, type ExitPolicy, NO_SPREAD, type Plan } from "#shared/model";
import { randomFrom } from "#shared/random";
import { randomConditions, randomExits } from "../evaluator/fixture.ts";
import { randomDag } from "../graph/fixture.ts";
import type { Constraints } from "./constraints.ts";
import type { Decision } from "./decision.ts";
import { permittedHeads, randomConstraints } from "./fixture.ts";
import { LivePlanner, type LiveRequest } from "./live-planner.ts";
import { chanceWithin } from "./normal.ts";
import { type Objective, optimize } from "./optimize.ts";

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
    expect(choice.latency.totalMs).toBeCloseTo(expected.latency.totalMs, 6);
    expect(choice.periodMs).toBeCloseTo(expected.periodMs, 6);
    expect(choice.expectedMs).toBeCloseTo(choice.latency.totalMs, 6);
    // Exits of equal latency may stand in for each other, those of equal accuracy too.
    if (choice.exit === expected.exit) expect(choice.accuracy).toBe(expected.accuracy);
  }
});

test("under uncertainty, with early exits and a lead, decisions are those of brute force over all heads", () => {
  const counts = { feasible: 0, early: 0, earlyFeasible: 0, surer: 0 };
  for (let seed = 0; seed < 5000; seed++) {
    const random = randomFrom(seed);
    const costs = branchyExits(random);
    const policies = randomPolicies(random, costs);
    const constraints: Constraints = random() < 0.8 ? {} : randomConstraints(random, costs);
    const objective = randomObjective(random);
    const lead = { ms: 5 * random(), sdMs: 2 * random() };
    const request = { conditions: randomConditions(random), objective, lead };
    const planner = new LivePlanner({ costs, policies, constraints });
    const decision = planner.decide(request);
    const all = everything(costs, policies, constraints, request);
    const label = `seed ${seed}`;
    expect(decision === null, label).toBe(all.length === 0);
    if (decision === null) continue;
    const choice = planner.describe(decision, request);
    const good = all.filter(({ probability, accuracy }) =>
      objective.kind === "accuracy" ? probability >= 0.95 : accuracy >= objective.minAccuracy,
    );
    expect(choice.feasible, label).toBe(good.length > 0);
    const eligible = good.length > 0 ? good : all;
    const rankFirst = (objective.kind === "accuracy") === choice.feasible;
    const highest = Math.max(...eligible.map(({ accuracy }) => accuracy));
    const rivals = eligible.filter(({ accuracy }) => !rankFirst || accuracy === highest);
    if (rankFirst) expect(choice.accuracy, label).toBe(highest);
    if (objective.kind === "throughput") {
      expect(decision.periodMs, label).toBeCloseTo(Math.min(...rivals.map(({ period }) => period)), 6);
    } else {
      expect(choice.expectedMs, label).toBeCloseTo(Math.min(...rivals.map(({ ms }) => ms)), 6);
    }
    if (choice.early !== undefined) counts.early++;
    if (!choice.feasible || objective.kind !== "accuracy") continue;
    counts.feasible++;
    if (choice.early !== undefined) counts.earlyFeasible++;
    const own = all.filter(({ key }) => key === keyOf(choice));
    if (Math.min(...own.map(({ ms }) => ms)) < choice.expectedMs - 1e-6) counts.surer++;
  }
  // Every kind of answer must have come.
  expect(counts.feasible).toBeGreaterThan(500);
  expect(counts.early).toBeGreaterThan(150);
  expect(counts.earlyFeasible).toBeGreaterThan(50);
  expect(counts.surer).toBeGreaterThan(10);
});

test("under load: a plan that keeps up, if need be another one, else the one that sustains most", () => {
  const modes = { latency: 0, throughput: 0, overload: 0 };
  for (let seed = 0; seed < 2500; seed++) {
    const random = randomFrom(seed);
    const costs = branchyExits(random);
    const policies = randomPolicies(random, costs);
    const objective = randomObjective(random);
    const framesPerSecond = 10 ** (0.5 + 2 * random());
    const request: LiveRequest = { conditions: randomConditions(random), objective, framesPerSecond };
    const planner = new LivePlanner({ costs, policies });
    const decision = planner.decide(request)!;
    modes[decision.mode]++;
    const all = everything(costs, policies, {}, request);
    const limitMs = 1000 / framesPerSecond;
    const keepsUp = all.filter(({ period }) => period <= limitMs + 1e-9);
    expect(decision.mode === "overload", `seed ${seed}`).toBe(keepsUp.length === 0);
    const floor = objective.kind === "accuracy" ? 0 : objective.minAccuracy;
    const accurate = all.filter(({ accuracy }) => accuracy >= floor);
    const highest = Math.max(...all.map(({ accuracy }) => accuracy));
    const allowed = accurate.length > 0 ? accurate : all.filter(({ accuracy }) => accuracy === highest);
    const leastMs = Math.min(...allowed.map(({ period }) => period));
    if (decision.mode === "overload") expect(decision.periodMs).toBeCloseTo(leastMs, 6);
    else expect(decision.periodMs).toBeLessThanOrEqual(limitMs + 1e-9);
    if (decision.mode === "throughput" && objective.kind === "accuracy") {
      const good = keepsUp.filter(({ probability }) => probability >= 0.95);
      expect(decision.feasible).toBe(good.length > 0);
      const { accuracy } = planner.options[decision.option]!;
      if (decision.feasible) expect(accuracy).toBe(Math.max(...good.map((one) => one.accuracy)));
    }
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
    expect(planner.options[decision.option]!.rank).toBeGreaterThanOrEqual(planner.options[best.option]!.rank);
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
  expect(seen.moved).toBeLessThan(0.05 * seen.stayed);
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

/** What brute force knows of one head with one policy. */
interface Known {
  readonly key: string;
  readonly accuracy: number;
  readonly ms: number;
  readonly probability: number;
  readonly period: number;
}

/** Every policy with every closed head that holds what its early exits need, from first principles. */
function everything(
  costs: readonly ExitCosts[],
  policies: readonly ExitPolicy[],
  constraints: Constraints,
  { conditions, objective, lead = { ms: 0, sdMs: 0 } }: LiveRequest,
): Known[] {
  const byId = new Map(costs.map((exit) => [exit.exit, exit]));
  const plain = costs.map(({ exit, accuracy }) => ({ exit, early: [], reach: [], accuracy: accuracy! }));
  const budgetMs = objective.kind === "accuracy" ? objective.budgetMs : Infinity;
  const inTime = (ms: number, sdMs: number): number => {
    const slackMs = budgetMs - lead.ms - ms;
    const sd = Math.hypot(sdMs, lead.sdMs);
    if (slackMs === Infinity) return 1;
    return chanceWithin(slackMs, sd ** 2);
  };
  return [...plain, ...policies].flatMap((policy): Known[] => {
    const final = byId.get(policy.exit)!;
    const asked = policy.early.map(({ exit }) => byId.get(exit)!);
    const allowed = [final, ...asked].every(({ exit }) => constraints.exits?.includes(exit) ?? true);
    const ready = asked.every(({ dag }) =>
      dag.names.every((name, node) => node === 0 || (constraints.readyNodes?.has(name) ?? true)),
    );
    if (!allowed || !ready) return [];
    return permittedHeads(final, constraints).flatMap((head): Known[] => {
      const inHead = new Set(final.dag.names.filter((_, node) => head[node]));
      const needs = (name: string): boolean => !final.dag.names.includes(name) || inHead.has(name);
      if (!asked.every(({ dag }) => dag.names.every(needs))) return [];
      // The stages one after the other; nothing is computed twice.
      const done = new Set<string>();
      const stages = asked.map((exit) => {
        let ms = exit.edgeFixedMs;
        exit.dag.names.forEach((name, node) => {
          if (!done.has(name)) ms += exit.edgeMs[node]!;
          done.add(name);
        });
        return conditions.edgeScale * ms;
      });
      const whole = latencyOf(final, head, conditions);
      const doneMs = final.dag.names.reduce((s, name, n) => s + (done.has(name) ? final.edgeMs[n]! : 0), 0);
      const askedMs = stages.reduce((sum, ms) => sum + ms, 0);
      const extraMs = askedMs - conditions.edgeScale * doneMs;
      const latency = { ...whole, edgeMs: whole.edgeMs + extraMs, totalMs: whole.totalMs + extraMs };
      const rest = policy.reach.at(-1) ?? 1;
      let ms = rest * latency.totalMs;
      let probability = rest * inTime(latency.totalMs, latencySdMs(latency, conditions.spread));
      let edgeMs = rest * latency.edgeMs;
      let untilMs = 0;
      stages.forEach((stageMs, at) => {
        untilMs += stageMs;
        const share = (policy.reach[at - 1] ?? 1) - policy.reach[at]!;
        ms += share * untilMs;
        edgeMs += share * untilMs;
        probability += share * inTime(untilMs, untilMs * conditions.spread.edge);
      });
      const period = Math.max(edgeMs, rest * latency.uplinkMs, rest * latency.cloudMs);
      return [{ key: keyOf(policy), accuracy: policy.accuracy, ms, probability, period }];
    });
  });
}

const keyOf = ({ exit, early = [] }: Pick<Plan, "exit" | "early">): string => JSON.stringify([exit, early]);

/** Three or four exits, each with a branch of its own off the trunk, as multi-exit networks have them. */
function branchyExits(random: () => number): readonly ExitCosts[] {
  const trunk = randomDag(random, 4 + Math.floor(random() * 6));
  const [template] = randomExits(random, 2) as [ExitCosts];
  const exits = Array.from({ length: 2 + Math.floor(random() * 2) }, (_, at) => ({
    id: `e${at}`,
    from: 1 + Math.floor(((at + random()) * (trunk.names.length - 1)) / 4),
  }));
  const names = [...trunk.names, ...exits.map(({ id }) => `${id}-out`)];
  const count = trunk.names.length;
  const dag = {
    names,
    predecessors: [...trunk.predecessors, ...exits.map(({ from }) => [from])],
    successors: names.map((_, node) => [
      ...(trunk.successors[node] ?? []),
      ...exits.flatMap(({ from }, at) => (from === node ? [count + at] : [])),
    ]),
  };
  const cost = (scale: number) => names.map((_, node) => (node === 0 ? 0 : scale * random() ** 2));
  const [edgeMs, cloudMs] = [cost(30), cost(random() < 0.3 ? 40 : 6)];
  const wireBytes = names.map(() => 50 + random() ** 3 * 30_000);
  const [edgeCutMs, cloudCutMs] = [cost(1), cost(0.5)];
  const targets = [...exits.map((_, at) => count + at), count - 1];
  return targets.map((target, position): ExitCosts => {
    const needed = ancestors(dag, target);
    const prune = (values: readonly number[]): number[] => values.filter((_, node) => needed[node]);
    return {
      ...template,
      exit: position < exits.length ? exits[position]!.id : "last",
      position,
      accuracy: 0.5 + 0.12 * position + 0.1 * random(),
      dag: subgraph(dag, needed),
      edgeMs: prune(edgeMs),
      cloudMs: prune(cloudMs),
      wireBytes: prune(wireBytes),
      edgeCutMs: prune(edgeCutMs),
      cloudCutMs: prune(cloudCutMs),
    };
  });
}

function randomPolicies(random: () => number, costs: readonly ExitCosts[]): ExitPolicy[] {
  return Array.from({ length: Math.floor(random() * 6) }, (_, at): ExitPolicy => {
    const final = 1 + Math.floor(random() * (costs.length - 1));
    const asked = costs.slice(0, final).filter((_, position) => random() < 0.5 || position === 0);
    let reach = 1;
    return {
      exit: costs[final]!.exit,
      early: asked.map(({ exit }) => ({ exit, threshold: 0.5 + at / 20 })),
      reach: asked.map(() => {
        reach *= random();
        return reach;
      }),
      accuracy: costs[final]!.accuracy! - 0.05 * random(),
    };
  });
}

function randomObjective(random: () => number): Objective {
  const kind = random();
  if (kind < 0.6) return { kind: "accuracy", budgetMs: 10 ** (1 + 1.5 * random()) };
  return { kind: kind < 0.8 ? "latency" : "throughput", minAccuracy: 0.4 + 0.6 * random() };
}

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
  const { option, head, expectedMs, probability, feasible, periodMs, mode } = decision;
  return { option, head, expectedMs, probability, feasible, periodMs, mode };
}
