import { expect, test } from "vitest";
import { type ExitCosts, latencyOf, lossOver, promisedAccuracy, type WireMode } from "#shared/evaluator";
import { NO_SPREAD, type Plan } from "#shared/model";
import { randomFrom } from "#shared/random";
import { randomConditions, randomExits, randomLossy, randomModes } from "../evaluator/fixture.ts";
import { permittedHeads, randomConstraints } from "./fixture.ts";
import { LivePlanner } from "./live-planner.ts";
import { type Objective, optimize } from "./optimize.ts";

test("the plan chosen is the best of all exits, heads and wire modes, by trying them", () => {
  const counts = new Map<string, number>();
  for (let seed = 0; seed < 3000; seed++) {
    const random = randomFrom(seed);
    const exits = randomExits(random, 9);
    const modes = MODES.filter((_, at) => at < 2 || random() < 0.4);
    const costs = [
      ...randomModes(random, exits, modes),
      ...(random() < 0.4 ? randomLossy(random, exits) : []),
    ];
    const constraints = random() < 0.7 ? {} : randomConstraints(random, costs);
    const conditions = { ...randomConditions(random), spread: NO_SPREAD };
    const objective = randomObjective(random);
    const request = { conditions, objective };
    const planner = new LivePlanner({ costs, constraints });
    const decision = planner.decide(request);
    const live = decision && planner.describe(decision, request);
    const label = `seed ${seed}, ${JSON.stringify(objective)}`;
    for (const choice of [live, optimize({ costs, conditions, constraints, objective })]) {
      const best = bestOf(costs, objective, (exit) =>
        permittedHeads(exit, constraints).map((head) => ({
          exit,
          head,
          ...latencyOf(exit, head, conditions),
        })),
      );
      expect(choice === null, label).toBe(best === null);
      if (choice === null || best === null) continue;
      expect(choice.feasible, label).toBe(best.feasible);
      // For nearly as much accuracy the live planner takes less time.
      if (choice === live && objective.kind === "accuracy") {
        expect(choice.latency.totalMs, label).toBeLessThan(best.ms + 1e-6);
        if (choice.feasible)
          expect(rankOf(own(costs, choice)[0]!), label).toBeGreaterThanOrEqual(best.accuracy - 0.002);
      } else expect(choice.latency.totalMs, label).toBeCloseTo(best.ms, 6);
      expect(own(costs, choice).length, label).toBeGreaterThan(0);
    }
    if (live === null) continue;
    const { mode } = own(costs, live)[0]!.wire!;
    const kind = mode.startsWith("lossy ") ? "lossy" : mode;
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
    // What is told of accuracy is the exit's, less what the tensors that cross lose.
    const [exit] = own(costs, live) as [ExitCosts];
    const lost = lossOver(exit, (node) => live.cut.includes(exit.dag.names[node]!));
    expect(live.accuracy).toBeCloseTo(exit.accuracy! - lost, 12);
    // A plan is found where it stands, or in a mode that has it too and promises no less.
    const found = planner.find(live)!;
    const again = planner.describe({ ...decision!, ...found }, request);
    const { head, cut, codecs } = live;
    expect(again).toMatchObject({ head, cut, ...(codecs === undefined ? {} : { codecs }) });
    const [theirs, ours] = [found, decision!].map(({ option }) => planner.options[option]!.promised!);
    expect(theirs).toBeGreaterThanOrEqual(ours!);
  }
  for (const mode of [...MODES, "lossy"]) expect(counts.get(mode) ?? 0, mode).toBeGreaterThan(30);
});

test("an accuracy that only lossless codecs keep is met by them", () => {
  const random = randomFrom(5);
  const [exit] = randomExits(random, 6) as [ExitCosts];
  const costs = randomModes(random, [exit], ["plain", "exact"]).map((one) => ({
    ...one,
    wireBytes: one.wireBytes.map((bytes) => (one.wire!.mode === "plain" ? bytes / 10 : bytes)),
    wire: { ...one.wire!, loss: one.wire!.loss.map(() => (one.wire!.mode === "plain" ? 0.004 : 0)) },
  }));
  const planner = new LivePlanner({ costs });
  const conditions = { ...randomConditions(random), edgeScale: 1e3, uplinkBps: 1e6, spread: NO_SPREAD };
  const plan = (minAccuracy: number) => {
    const request = { conditions, objective: { kind: "latency", minAccuracy } } as const;
    return planner.describe(planner.decide(request)!, request);
  };
  const [some, all] = [plan(exit.accuracy! - 0.0041), plan(exit.accuracy!)];
  for (const { feasible, cut } of [some, all]) expect([feasible, cut.length > 0]).toEqual([true, true]);
  expect(some.accuracy).toBeLessThan(exit.accuracy!);
  expect(all.accuracy).toBe(exit.accuracy);
  expect(all.latency.uplinkMs).toBeGreaterThan(some.latency.uplinkMs);
});

const MODES: readonly WireMode[] = ["plain", "deflate", "exact", "raw", "jpeg"];

/** What it is ranked by: an exit that loses more than is tolerated is worth so much less. */
const rankOf = ({ accuracy, wire }: ExitCosts): number => accuracy! - (wire?.counted ?? 0);

interface Tried {
  readonly exit: ExitCosts;
  readonly head: readonly boolean[];
  readonly edgeMs: number;
  readonly uplinkMs: number;
  readonly cloudMs: number;
  readonly totalMs: number;
}

/** The costs whose exit and codecs are the plan's. */
function own(costs: readonly ExitCosts[], { exit, codecs = {} }: Plan): readonly ExitCosts[] {
  return costs.filter(
    ({ exit: id, dag, wire }) =>
      id === exit &&
      Object.entries(codecs).every(
        ([name, codec]) => JSON.stringify(wire!.codecs[dag.names.indexOf(name)]) === JSON.stringify(codec),
      ),
  );
}

/** Latency of the best plan by an objective, from first principles; null when there is no plan. */
function bestOf(
  costs: readonly ExitCosts[],
  objective: Objective,
  plansOf: (exit: ExitCosts) => readonly Tried[],
): { readonly ms: number; readonly accuracy: number; readonly feasible: boolean } | null {
  const all = costs.flatMap((exit) =>
    plansOf(exit).map((plan) => {
      const isEnough =
        objective.kind === "accuracy"
          ? plan.totalMs <= objective.budgetMs
          : (plan.head.includes(false) ? promisedAccuracy(exit)! : exit.accuracy!) >= objective.minAccuracy;
      const period = Math.max(plan.edgeMs, plan.uplinkMs, plan.cloudMs);
      return { ...plan, isEnough, value: objective.kind === "throughput" ? period : plan.totalMs };
    }),
  );
  if (all.length === 0) return null;
  const feasible = all.some(({ isEnough }) => isEnough);
  const among = feasible ? all.filter(({ isEnough }) => isEnough) : all;
  const highest = Math.max(...among.map(({ exit }) => rankOf(exit)));
  // The budget wants the highest exit that keeps it; an accuracy that nobody has wants the highest exit.
  const rankFirst = (objective.kind === "accuracy") === feasible;
  const rivals = rankFirst ? among.filter(({ exit }) => rankOf(exit) === highest) : among;
  const least = Math.min(...rivals.map(({ value }) => value));
  const ties = rivals.filter(({ value }) => value <= least * (1 + 1e-9));
  return { ms: Math.min(...ties.map(({ totalMs }) => totalMs)), accuracy: highest, feasible };
}

function randomObjective(random: () => number): Objective {
  const kind = random();
  if (kind < 0.5) return { kind: "accuracy", budgetMs: 10 ** (1 + 1.5 * random()) };
  return { kind: kind < 0.8 ? "latency" : "throughput", minAccuracy: 0.4 + 0.6 * random() };
}
