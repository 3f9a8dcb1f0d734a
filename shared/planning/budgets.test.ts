import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type ExitCosts, exitCosts, headMembers, latencyOf } from "#shared/evaluator";
import { type Conditions, NO_SPREAD, type Plan, readModel, USUAL_CODEC } from "#shared/model";
import { conditionsOf, FIRST_GUESS, observe, startNetwork } from "#shared/network";
import { efficientHeads } from "#shared/optimizer";
import { readProfile } from "#shared/profile";
import { randomFrom } from "#shared/random";
import { normal } from "../network/fixture.ts";
import { SharedPlanners } from "./eddi-planner.ts";
import type { CostedModel, PlanRequest } from "./planner.ts";
import type { Planning } from "./planning.ts";
import { planningFor } from "./planning-for.ts";
import { nextStep, type Race } from "./race.ts";

const model = readModel(readFileSync("models/resnet-imagenette/model.json"));
const profile = (name: string) =>
  readProfile(JSON.parse(readFileSync(`models/resnet-imagenette/profiles/${name}.json`, "utf8")));
const costs = exitCosts(model, profile("head-wasm"), profile("tail-wasm"), { codec: USUAL_CODEC });
const everything = new Set(model.dag.names);
const costed: CostedModel = { costs, policies: [] };
const shared = new SharedPlanners(costed);

interface Link {
  readonly rttMs: number;
  readonly uplinkBps: number;
  /** Share of requests that take several times as long, or as short. */
  readonly outliers: number;
}

const LINKS: readonly Link[] = [
  { rttMs: 20, uplinkBps: 18.88e6, outliers: 0.02 },
  { rttMs: 40, uplinkBps: 5.85e6, outliers: 0 },
  { rttMs: 60, uplinkBps: 5.85e6, outliers: 0.05 },
  { rttMs: 80, uplinkBps: 1.1e6, outliers: 0.02 },
  { rttMs: 10, uplinkBps: 50e6, outliers: 0 },
];
const BUDGETS_MS = [25, 70, 120, 180, 260, 320];
/** How noisy a request, a head and a tail are: standard deviations of logarithms. */
const NOISE = { link: 0.1, edge: 0.05, cloud: 0.1 };
const WARM_UP = 40;
const ANSWERS = 300;
/** A phone so many times as slow as the profiled machine. */
const SLOW_PHONE = 5;

test("a budget that some plan keeps is kept by 93 % of answers, and a stationary link moves no plan", () => {
  let possible = 0;
  const used = new Set<string>();
  for (const [at, link] of LINKS.entries()) {
    for (const budgetMs of BUDGETS_MS) {
      const truth = { ...FIRST_GUESS, ...link, edgeScale: SLOW_PHONE, cloudScale: 1, spread: NO_SPREAD };
      const { kept, moves, plans } = simulate(truth, link.outliers, budgetMs, 100 * at + budgetMs);
      const label = `${link.uplinkBps} bit/s, ${budgetMs} ms`;
      expect(moves, label).toBeLessThanOrEqual(ANSWERS / 20);
      for (const plan of plans) used.add(plan);
      if (mostLikely(truth, link.outliers, budgetMs) < 0.95) continue;
      possible++;
      expect(kept, label).toBeGreaterThanOrEqual(0.93);
    }
  }
  // Both halves must have something to say.
  expect(possible).toBeGreaterThan(15);
  expect(possible).toBeLessThan(LINKS.length * BUDGETS_MS.length);
  expect(used.size).toBeGreaterThan(5);
});

test("after a hand-over the budget is soon kept again, or the best is made of it", () => {
  let before = 0;
  let after = 0;
  for (let seed = 0; seed < 15; seed++) {
    const good: Conditions = {
      ...FIRST_GUESS,
      rttMs: 20,
      uplinkBps: 18.88e6,
      edgeScale: SLOW_PHONE,
      spread: NO_SPREAD,
    };
    const bad = { ...good, rttMs: 100, uplinkBps: 1.1e6 };
    const answers = run(good, 0, 300, seed, 40, (answer) => (answer < 30 ? good : bad));
    before += answers.slice(20, 30).filter(Boolean).length;
    after += answers.slice(34, 40).filter(Boolean).length;
  }
  expect(before).toBeGreaterThan(0.93 * 150);
  expect(after).toBeGreaterThan(0.9 * 90);
});

function simulate(truth: Conditions, outliers: number, budgetMs: number, seed: number) {
  const plans: string[] = [];
  const inTime = run(
    truth,
    outliers,
    budgetMs,
    seed,
    WARM_UP + ANSWERS,
    () => truth,
    (next, answer) => {
      // Its insurance may change: nothing is fetched or built for that.
      if (answer >= WARM_UP) plans.push(JSON.stringify({ ...next, insurance: undefined }));
    },
  );
  return {
    kept: inTime.slice(WARM_UP).filter(Boolean).length / ANSWERS,
    moves: plans.filter((plan, at) => at > 0 && plan !== plans[at - 1]).length,
    plans: new Set(plans),
  };
}

/** Answers images one after the other, learning from each as the page does. @returns whether each was in time */
function run(
  initial: Conditions,
  outliers: number,
  budgetMs: number,
  seed: number,
  answers: number,
  truthAt: (answer: number) => Conditions,
  onPlan: (plan: Plan, answer: number) => void = () => {},
): readonly boolean[] {
  const random = randomFrom(seed);
  const planner = shared.start();
  const start = { ...FIRST_GUESS, edgeScale: initial.edgeScale };
  let state = startNetwork(start);
  let previous: Plan | null = null;
  let atMs = 0;
  return Array.from({ length: answers }, (_, answer) => {
    const truth = truthAt(answer);
    const asked: PlanRequest = {
      conditions: conditionsOf(state),
      image: { ms: 5, sdMs: 1 },
      readyNodes: everything,
      cloudUp: true,
      framesPerSecond: null,
      minAccuracy: null,
      budgetMs,
      previous,
    };
    const planning = planningFor(costed, planner, asked);
    const { plan } = planning;
    previous = plan!;
    onPlan(plan!, answer);
    const exit = costs.find((one) => one.exit === plan!.exit)!;
    const [edge, cloud, bytes] = pointOf(exit, plan!);
    const edgeMs = truth.edgeScale * edge * Math.exp(NOISE.edge * normal(random));
    const sentMs = 5 + normal(random) + edgeMs;
    let totalMs = sentMs;
    atMs += 300 + totalMs;
    state = observe(state, { kind: "edge", atMs, predictedMs: edge, measuredMs: edgeMs });
    if (bytes > 0) {
      const cloudMs = truth.cloudScale * cloud * Math.exp(NOISE.cloud * normal(random));
      const networkMs = request(truth, outliers, bytes, random);
      totalMs += networkMs + cloudMs + (8000 * exit.resultBytes) / truth.downlinkBps;
      const sent = { kind: "transfer", atMs, requestBytes: bytes, serverMs: cloudMs } as const;
      state = observe(state, { ...sent, elapsedMs: networkMs + cloudMs });
      state = observe(state, { kind: "cloud", atMs, predictedMs: cloud, measuredMs: cloudMs });
    }
    // Small probes between images, and larger ones while nothing is sent.
    for (const probeBytes of bytes > 0 ? [500] : [500, 16_000]) {
      const elapsedMs = request(truth, outliers, probeBytes, random);
      state = observe(state, { kind: "transfer", atMs, requestBytes: probeBytes, elapsedMs, serverMs: 0 });
    }
    if (bytes === 0) return totalMs <= budgetMs;
    const scale = (truth.edgeScale / asked.conditions.edgeScale) * Math.exp(NOISE.edge * normal(random));
    return endOf(planning, sentMs, totalMs, scale) <= budgetMs + 1e-6;
  });
}

/** When an answer is there: the reply's, or the edge's in its stead. @param scale of the edge's times, over what was told */
function endOf(
  { plan, prediction, finish, budgetMs }: Planning,
  sentMs: number,
  repliesMs: number,
  scale: number,
) {
  const { latency, sdMs } = prediction!;
  let race: Race = {
    budgetMs,
    sentMs,
    expected: { remoteMs: latency.totalMs - latency.edgeMs, sdMs },
    insurance: plan!.insurance?.exit ?? null,
    soonest: null,
    overlaps: false,
    finish,
    reply: "under way",
    local: { state: "idle", exit: null, failures: 0 },
    isPreparing: false,
    blocks: false,
    patienceMs: 0,
  };
  let now = sentMs;
  let doneMs = Number.POSITIVE_INFINITY;
  for (;;) {
    const step = nextStep(race, now);
    if (step.kind === "answer") return now;
    if (step.kind === "give-up") return Number.POSITIVE_INFINITY;
    if (step.kind === "finish") {
      doneMs = now + scale * finish.find(({ exit }) => exit === step.exit)!.finishMs;
      race = { ...race, local: { state: "running", exit: step.exit, failures: 0 } };
      continue;
    }
    now = Math.min(step.untilMs, repliesMs, doneMs);
    if (now === repliesMs) race = { ...race, reply: "there" };
    if (now === doneMs) {
      race = { ...race, local: { ...race.local, state: "done" } };
      doneMs = Number.POSITIVE_INFINITY;
    }
  }
}

function request(
  { rttMs, uplinkBps }: Conditions,
  outliers: number,
  bytes: number,
  random: () => number,
): number {
  const spread = random() < outliers ? 1.2 : NOISE.link;
  return (rttMs + (8000 * bytes) / uplinkBps) * Math.exp(spread * normal(random));
}

/** Edge and cloud time at scale 1, and bytes of a request. */
function pointOf(exit: ExitCosts, plan: Plan): readonly [number, number, number] {
  const unit = { rttMs: 0, queueMs: 0, uplinkBps: 8000, downlinkBps: Infinity, edgeScale: 1, cloudScale: 1 };
  const latency = latencyOf(exit, headMembers(exit, plan.head), { ...unit, spread: NO_SPREAD });
  return [latency.edgeMs, latency.cloudMs, latency.uplinkMs];
}

/** How often the plan that keeps the budget most often keeps it. */
function mostLikely(truth: Conditions, outliers: number, budgetMs: number): number {
  const random = randomFrom(1);
  let best = 0;
  for (const exit of costs) {
    const points = efficientHeads(exit)!;
    for (let at = 0; at < points.count; at++) {
      const meanMs = truth.edgeScale * points.edgeMs[at]! + truth.cloudScale * points.cloudMs[at]!;
      if (meanMs > budgetMs) continue;
      let kept = 0;
      const draws = 400;
      for (let draw = 0; draw < draws; draw++) {
        const edgeMs = truth.edgeScale * points.edgeMs[at]! * Math.exp(NOISE.edge * normal(random));
        const cloudMs = points.cloudMs[at]! * Math.exp(NOISE.cloud * normal(random));
        const bytes = points.bytes[at]!;
        const networkMs = bytes > 0 ? request(truth, outliers, bytes, random) : 0;
        if (5 + normal(random) + edgeMs + cloudMs + networkMs <= budgetMs) kept++;
      }
      best = Math.max(best, kept / draws);
    }
  }
  return best;
}
