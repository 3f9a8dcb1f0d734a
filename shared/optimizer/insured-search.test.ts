import { expect, test } from "vitest";
import { type ExitCosts, latencySdMs } from "#shared/evaluator";
import type { Conditions, ExitPolicy } from "#shared/model";
import { randomFrom } from "#shared/random";
import { randomConditions, randomLossy, randomModes } from "../evaluator/fixture.ts";
import type { Constraints } from "./constraints.ts";
import { branchyExits, everyWay, isReady, randomConstraints, randomPolicies, restarting } from "./fixture.ts";
import { leastDeviations, likelihood } from "./likelihood.ts";
import { LivePlanner, type LiveRequest } from "./live-planner.ts";

/** More of them by `EDDI_PROBLEMS=5000`. */
const PROBLEMS = Number(process.env.EDDI_PROBLEMS ?? 500);

test("the plan, its insurance with it, is that of brute force over exits, policies, heads, codecs and insurances", () => {
  const counts = { insured: 0, asked: 0, twice: 0, inner: 0, none: 0, plain: 0, loaded: 0, lossy: 0 };
  for (let seed = 0; seed < PROBLEMS; seed++) {
    const random = randomFrom(seed);
    const exits = branchyExits(random);
    const policies = randomPolicies(random, exits);
    const plain = random() < 0.5 ? randomModes(random, exits, ["plain", "deflate", "raw"]) : exits;
    const isLossy = plain !== exits && random() < 0.6;
    const costs = isLossy ? [...plain, ...randomLossy(random, exits)] : plain;
    const constraints = random() < 0.8 ? {} : randomConstraints(random, exits);
    const request: LiveRequest = {
      conditions: restarting(monotone(randomConditions(random), random), seed),
      objective: { kind: "accuracy", budgetMs: 10 ** (1 + 1.5 * random()) },
      lead: { ms: 5 * random(), sdMs: 2 * random() },
      ...(random() < 0.15 ? { framesPerSecond: 10 ** (0.5 + 1.5 * random()) } : {}),
    };
    const planner = new LivePlanner({ costs, policies, constraints });
    const decision = planner.decide(request);
    const label = `seed ${seed}`;
    const all = everything(costs, policies, constraints, request);
    expect(decision === null, label).toBe(all.length === 0);
    if (decision === null) continue;
    const limitMs = request.framesPerSecond === undefined ? Infinity : 1000 / request.framesPerSecond;
    const first = best(all);
    const best0 =
      first === null || first.periodMs <= limitMs
        ? first
        : best(all.filter(({ periodMs }) => periodMs <= limitMs));
    if (best0 === null) {
      counts.none++;
      expect(decision.worth, label).toBe(0);
      expect(decision.insurer, label).toBe(-1);
      continue;
    }
    const choice = planner.describe(decision, request);
    const key = keyOf(choice.exit, choice.early ?? [], choice.head, choice.insurance?.exit ?? null);
    const own = all.filter((one) => one.key === key);
    expect(own.length, label).toBeGreaterThan(0);
    expect(Math.min(...own.map(({ worth }) => Math.abs(worth - decision.worth))), label).toBeLessThan(1e-9);
    expect(decision.worth, label).toBeGreaterThan(best0.most - 0.002 - 1e-9);
    expect(Math.round(10 * decision.twice), label).toBe(best0.tenths);
    expect(decision.expectedMs, label).toBeCloseTo(best0.ms, 6);
    if (choice.insurance === undefined) counts.plain++;
    else counts.insured++;
    if (choice.early?.some(({ exit }) => exit === choice.insurance?.exit)) counts.asked++;
    if (decision.twice > 0.01) counts.twice++;
    if (choice.insurance !== undefined && choice.head.length > 1) counts.inner++;
    if (request.framesPerSecond !== undefined) counts.loaded++;
    if (planner.options[decision.option]!.costs.wire?.counted !== undefined) counts.lossy++;
  }
  // Every kind of answer must have come.
  for (const [kind, count] of Object.entries(counts)) expect(count, kind).toBeGreaterThan(PROBLEMS / 100);
});

/** What brute force knows of one way to answer. */
interface Known {
  readonly key: string;
  readonly worth: number;
  /** Of being in time. */
  readonly chance: number;
  readonly tenths: number;
  readonly ms: number;
  readonly periodMs: number;
}

function best(all: readonly Known[]) {
  const any = Math.max(0, ...all.map(({ worth }) => worth));
  if (any === 0) return null;
  const kept = all.filter(({ chance }) => chance >= 0.95 - 1e-9);
  const promised = Math.max(0, ...kept.map(({ worth }) => worth));
  const isPromised = promised > 0 && promised >= any - 0.05;
  const most = isPromised ? promised : any;
  const near = (isPromised ? kept : all).filter(({ worth }) => worth >= most - 0.002);
  const tenths = Math.min(...near.map((one) => one.tenths));
  const least = near.filter((one) => one.tenths === tenths);
  const fastest = least.reduce((a, b) => (b.ms < a.ms ? b : a));
  return { most, tenths, ms: fastest.ms, periodMs: fastest.periodMs };
}

/** Every way to answer, insured by every exit and by none. */
function everything(
  costs: readonly ExitCosts[],
  policies: readonly ExitPolicy[],
  constraints: Constraints,
  { conditions, objective, lead = { ms: 0, sdMs: 0 } }: LiveRequest,
): Known[] {
  const { spread, edgeScale } = conditions;
  const budgetMs = objective.kind === "accuracy" ? objective.budgetMs : Infinity;
  const leastZ = leastDeviations(spread);
  /** Chance to be there so long before the budget. */
  const chance = (ms: number, sdMs: number, earlierMs = 0): number => {
    const slackMs = budgetMs - lead.ms - earlierMs - ms;
    return likelihood(slackMs / Math.hypot(sdMs, lead.sdMs), leastZ);
  };
  const endsInTime = (ms: number): boolean =>
    lead.ms + ms + 2.3263 * Math.hypot(lead.sdMs, ms * spread.edge) <= budgetMs;
  return everyWay(costs, policies, constraints, conditions, lead.ms).flatMap((way): Known[] => {
    const { final, policy, head, stages, rest, latency, done } = way;
    const all = worthOf(policy);
    const lost = final.wire?.counted ?? 0;
    const worth = { ...all, right: Math.max(0, all.right - (rest > 0 ? lost / rest : 0)) };
    const sdMs = latencySdMs(latency, spread);
    const kept = head.includes(false) ? 1 - spread.late : 1;
    const inTime = kept * chance(latency.totalMs, sdMs);
    const early = stages.reduce(
      (sum, { share, untilMs }, at) =>
        sum + share * worth.answered[at]! * chance(untilMs, untilMs * spread.edge),
      0,
    );
    const sure = stages.reduce(
      (sum, { share, untilMs }) => sum + share * chance(untilMs, untilMs * spread.edge),
      0,
    );
    const known = (exit: string | null, late: number, finishMs: number): Known => {
      const latestMs = finishMs * (1 + 2.3263 * spread.edge);
      const once = finishMs === 0 ? 1 : kept * chance(latency.totalMs, sdMs, latestMs + 10);
      const names = final.dag.names.filter((_, node) => head[node]);
      return {
        key: keyOf(final.exit, policy.early, names, exit),
        worth: early + rest * (inTime * worth.right + (1 - inTime) * 0.99 * late),
        chance: sure + rest * (inTime + (1 - inTime) * (exit === null ? 0 : 0.99)),
        tenths: Math.round(10 * rest * (1 - once)),
        ms: way.ms,
        periodMs: Math.max(way.periodMs, lead.ms + way.edgeMs + rest * finishMs),
      };
    };
    const exits = costs.filter(({ wire }) => wire?.mode === costs[0]!.wire?.mode);
    const insurers = exits.filter(
      (exit) =>
        head.includes(false) &&
        (constraints.exits?.includes(exit.exit) ?? true) &&
        isReady(exit, constraints),
    );
    const insured = insurers.flatMap(({ exit, accuracy, dag, edgeMs, edgeFixedMs }): Known[] => {
      const isAsked = policy.early.some((one) => one.exit === exit);
      if (isAsked && policy.early.at(-1)!.exit !== exit) return [];
      const late = policy.rest?.[exit] ?? (rest > 0 ? Math.max(0, (accuracy! - (1 - rest)) / rest) : 0);
      if (late === 0 || 0.99 * late >= worth.right) return [];
      const left = dag.names.reduce((sum, name, n) => sum + (done.has(name) ? 0 : edgeMs[n]!), edgeFixedMs);
      const finishMs = isAsked ? 0 : edgeScale * left;
      return endsInTime(latency.edgeMs + finishMs) ? [known(exit, late, finishMs)] : [];
    });
    return [known(null, 0, 0), ...insured];
  });
}

/** How right answers are, by who gives them: as measured, or the worst that the policy's accuracy allows. */
function worthOf({ exit, reach, answered, rest, accuracy }: ExitPolicy) {
  const right = rest?.[exit];
  if (answered !== undefined && right !== undefined) return { answered, right };
  // Whatever is right at all is right at the end.
  const shares = [...reach.map((share, at) => (reach[at - 1] ?? 1) - share), reach.at(-1) ?? 1];
  let left = accuracy;
  const rights = shares.toReversed().map((share) => {
    const own = share === 0 ? 0 : Math.min(1, left / share);
    left = Math.max(0, left - own * share);
    return own;
  });
  return { answered: rights.toReversed().slice(0, -1), right: rights[0]! };
}

const keyOf = (
  exit: string,
  early: ExitPolicy["early"],
  head: readonly string[],
  insurer: string | null,
): string => JSON.stringify([exit, early, head.toSorted(), insurer]);

/** Where more bytes never make the time surer: see `InsuredSearch`. */
function monotone(conditions: Conditions, random: () => number): Conditions {
  return { ...conditions, spread: { ...conditions.spread, uplink: 0.28 * random() } };
}
