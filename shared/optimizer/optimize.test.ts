import { expect, test } from "vitest";
import { type ExitCosts, headMembers, latencyOf } from "#shared/evaluator";
import { randomFrom } from "#shared/random";
import { randomConditions, randomExits } from "../evaluator/fixture.ts";
import { permittedHeads, randomConstraints } from "./fixture.ts";
import { periodMs } from "./least-period.ts";
import { type Choice, type Objective, optimize, type PlanningProblem } from "./optimize.ts";

test("for every objective the plan is that of exhaustive search over exits and closed heads", () => {
  const counts = { accuracy: 0, latency: 0, throughput: 0, infeasible: 0, none: 0 };
  for (const [seed, problem] of problems(5000).entries()) {
    const { costs, constraints, objective, conditions } = problem;
    const options = costs.flatMap((exit) =>
      permittedHeads(exit, constraints).map((head) => {
        const latency = latencyOf(exit, head, conditions);
        return { ms: latency.totalMs, period: periodMs(latency), accuracy: exit.accuracy! };
      }),
    );
    const best = optimize(problem);
    const label = `seed ${seed}`;
    expect(best === null, label).toBe(options.length === 0);
    if (best === null) {
      counts.none++;
      continue;
    }
    const good = options.filter(({ ms, accuracy }) =>
      objective.kind === "accuracy" ? ms <= objective.budgetMs : accuracy >= objective.minAccuracy,
    );
    expect(best.feasible, label).toBe(good.length > 0);
    counts[objective.kind]++;
    if (!best.feasible) counts.infeasible++;
    // Where accuracy decides first, only the exits of the highest are left.
    const rankFirst = (objective.kind === "accuracy") === best.feasible;
    const eligible = good.length > 0 ? good : options;
    const highest = Math.max(...eligible.map(({ accuracy }) => accuracy));
    const rivals = eligible.filter(({ accuracy }) => !rankFirst || accuracy === highest);
    if (rankFirst) expect(best.accuracy, label).toBe(highest);
    if (objective.kind !== "throughput") {
      expect(best.latency.totalMs, label).toBeCloseTo(Math.min(...rivals.map(({ ms }) => ms)), 6);
      continue;
    }
    const period = Math.min(...rivals.map((rival) => rival.period));
    expect(best.periodMs, label).toBeCloseTo(period, 6);
    const ties = rivals.filter((rival) => rival.period <= period * (1 + 1e-9));
    expect(best.latency.totalMs, label).toBeCloseTo(Math.min(...ties.map(({ ms }) => ms)), 6);
    expect(best.lowerBoundMs).toBeUndefined();
  }
  const { none, ...answered } = counts;
  expect(none).toBeGreaterThan(10);
  for (const [kind, count] of Object.entries(answered)) expect(count, kind).toBeGreaterThan(100);
});

test("a choice tells its own plan: head, cut, latency and period belong together, and constraints hold", () => {
  for (const problem of problems(400)) {
    const choice = optimize(problem);
    if (choice === null) continue;
    const costs = problem.costs.find(({ exit }) => exit === choice.exit)!;
    const head = headMembers(costs, choice.head);
    expect(choice.latency).toEqual(latencyOf(costs, head, problem.conditions));
    expect(choice.periodMs).toBe(periodMs(choice.latency));
    expect(permittedHeads(costs, problem.constraints).map(String)).toContain(String(head));
    const { names, successors } = costs.dag;
    const crosses = (node: number) => head[node] && successors[node]!.some((reader) => !head[reader]);
    expect(choice.cut).toEqual(names.filter((_, node) => crosses(node)));
  }
});

test("where heads are too many to list, the period found and the bound enclose the least one", () => {
  const counts = { tried: 0, tight: 0, bound: 0 };
  for (const problem of problems(600)) {
    const objective: Objective = { kind: "throughput", minAccuracy: 0 };
    const exact = optimize({ ...problem, objective });
    const bounded = optimize({ ...problem, objective, limit: 0 });
    expect(bounded === null).toBe(exact === null);
    if (bounded === null || exact === null) continue;
    const lowerBoundMs = bounded.lowerBoundMs ?? bounded.periodMs;
    expect(lowerBoundMs).toBeLessThanOrEqual(exact.periodMs * (1 + 1e-9));
    expect(bounded.periodMs).toBeGreaterThanOrEqual(exact.periodMs * (1 - 1e-9));
    counts.tried++;
    if (bounded.periodMs <= exact.periodMs * 1.000001) counts.tight++;
    counts.bound += lowerBoundMs / exact.periodMs;
  }
  // No promise, but what it is good for.
  expect(counts.tight).toBeGreaterThan(0.8 * counts.tried);
  expect(counts.bound).toBeGreaterThan(0.7 * counts.tried);
});

test("more budget never lowers accuracy, and a lower floor of accuracy never raises latency or period", () => {
  for (const problem of problems(300)) {
    const run = (objective: Objective) => optimize({ ...problem, objective });
    const budgets = [1, 5, 10, 20, 50, 100, 200, 500, 2000].map((budgetMs) =>
      run({ kind: "accuracy", budgetMs }),
    );
    const feasible = budgets.filter((choice): choice is Choice => choice?.feasible === true);
    expect(budgets.slice(budgets.length - feasible.length)).toEqual(feasible);
    expectRising(feasible.map(({ accuracy }) => accuracy!));
    for (const kind of ["latency", "throughput"] as const) {
      const floors = [0, 0.5, 0.6, 0.7, 0.8, 0.9].map((minAccuracy) => run({ kind, minAccuracy }));
      const met = floors.filter((choice): choice is Choice => choice?.feasible === true);
      expectRising(met.map((choice) => (kind === "latency" ? choice.latency.totalMs : choice.periodMs)));
    }
  }
});

test("a faster uplink, a shorter RTT and faster machines never raise the best latency", () => {
  for (const problem of problems(300)) {
    const objective: Objective = { kind: "latency", minAccuracy: 0.6 };
    for (const field of ["uplinkBps", "rttMs", "edgeScale", "cloudScale", "queueMs"] as const) {
      const latencies = [0.25, 0.5, 1, 2, 4].map((factor) => {
        const value = problem.conditions[field] * (field === "uplinkBps" ? 1 / factor : factor);
        return optimize({ ...problem, objective, conditions: { ...problem.conditions, [field]: value } });
      });
      expectRising(latencies.flatMap((choice) => choice?.latency.totalMs ?? []));
    }
  }
});

test("exits that were not all measured rank by position, and promise no accuracy", () => {
  for (const problem of problems(200)) {
    const costs = problem.costs.map((exit, at): ExitCosts => (at === 0 ? { ...exit, accuracy: null } : exit));
    const rich = optimize({
      ...problem,
      costs,
      constraints: {},
      objective: { kind: "accuracy", budgetMs: 1e9 },
    })!;
    expect(rich.exit).toBe(costs.at(-1)!.exit);
    const first = costs[0]!.exit;
    const floor: Objective = { kind: "latency", minAccuracy: 0.1 };
    const only = optimize({ ...problem, costs, constraints: { exits: [first] }, objective: floor })!;
    expect(only).toMatchObject({ exit: first, accuracy: null, feasible: false });
  }
});

function problems(count: number) {
  return Array.from({ length: count }, (_, seed) => {
    const random = randomFrom(seed);
    const costs = randomExits(random, 14);
    const conditions = randomConditions(random);
    const constraints = random() < 0.5 ? {} : randomConstraints(random, costs);
    const kind = random();
    const minAccuracy = 0.5 + random() / 2;
    const objective: Objective =
      kind < 0.4
        ? { kind: "accuracy", budgetMs: 10 ** (0.5 + 2 * random()) }
        : { kind: kind < 0.7 ? "latency" : "throughput", minAccuracy };
    return { costs, conditions, constraints, objective } satisfies PlanningProblem;
  });
}

function expectRising(values: readonly number[]): void {
  for (const [at, value] of values.slice(1).entries())
    expect(value).toBeGreaterThanOrEqual(values[at]! * (1 - 1e-9) - 1e-9);
}
