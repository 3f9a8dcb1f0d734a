import { beforeAll, expect, test } from "vitest";
import type { Model } from "#shared/model";
import { LivePlanner, type Objective } from "#shared/optimizer";
import { randomFrom } from "#shared/random";
import { clairvoyant } from "../policy/clairvoyant.ts";
import { INSURED, PILOT_NAMES, pilotNamed } from "../policy/pilots.ts";
import { listWays } from "../policy/ways.ts";
import { buildScenario, type Task } from "../set-up/build-scenario.ts";
import { FEATURES, type Feature, type Given, worldOf } from "../set-up/settings.ts";
import { openSubject, type Subject } from "../set-up/subject.ts";
import type { Outcome } from "./outcome.ts";
import type { Pilot } from "./pilot.ts";
import type { Scenario } from "./scenario.ts";
import { Session } from "./session.ts";

let subject: Subject;
let pilots: readonly Pilot[];

beforeAll(async () => {
  subject = await openSubject("models/resnet-imagenette", 1);
  const insured = ["cloud-jpeg", "neurosurgeon", "spinn"].map((name) => `${name}${INSURED}`);
  pilots = await Promise.all([...PILOT_NAMES, ...insured].map(pilotNamed));
});

/** Mbit/s with gaps of several seconds, a third of the time. */
const GAPS = [
  { durationMs: 8000, bps: 4e6 },
  { durationMs: 4000, bps: 0 },
  { durationMs: 6000, bps: 0.4e6 },
  { durationMs: 14_000, bps: 0 },
];

function scenarioOf(
  change: Partial<Given> = {},
  task: Partial<Task> & { answers?: number; everyMs?: number } = {},
  seed = 1,
): Scenario {
  const { answers = 16, everyMs = 1500, ...rest } = task;
  const objective: Objective = { kind: "accuracy", budgetMs: 300 };
  const pauses = Array.from({ length: answers }, (_, at) => at * everyMs);
  const given: Given = {
    uplink: 3e6,
    downlink: 8e6,
    rtt: { kind: "constant", rttMs: 50 },
    slowdown: 4,
    load: 0.3,
    tailMs: subject.cloudMs,
    durationMs: answers * everyMs + 20_000,
    without: new Set(),
    ...change,
  };
  return buildScenario(
    subject,
    worldOf(given, seed),
    { objective, framesPerSecond: null, pauses, ...rest },
    seed,
  );
}

const WORLDS: Readonly<Record<string, () => Scenario>> = {
  "a usual 4G": () => scenarioOf(),
  "gaps in coverage": () => scenarioOf({ uplink: GAPS, downlink: GAPS }),
  "an impossible budget": () => scenarioOf({}, { objective: { kind: "accuracy", budgetMs: 1 } }),
  "an accuracy asked for": () => scenarioOf({}, { objective: { kind: "latency", minAccuracy: 0.89 } }),
  "an accuracy that there is not": () =>
    scenarioOf({}, { objective: { kind: "latency", minAccuracy: 0.999 } }),
  "frames that overlap": () => scenarioOf({}, { answers: 60, everyMs: 1000 / 12, framesPerSecond: 12 }),
  "more frames than anything sustains": () =>
    scenarioOf({ slowdown: 20 }, { answers: 60, everyMs: 10, framesPerSecond: 100 }),
  "a service that refuses": () => {
    const scenario = scenarioOf({ load: 0.95 });
    return { ...scenario, world: { ...scenario.world, cloud: { ...scenario.world.cloud, maxQueueMs: 2 } } };
  },
};

test.each(Object.keys(WORLDS))("%s: every photo is answered or counted, and times add up", (name) => {
  const scenario = WORLDS[name]!();
  const lost = new Set<string>();
  for (const pilot of pilots) {
    const label = `${name}, ${pilot.name}`;
    const session = new Session(scenario, pilot);
    const outcomes = session.run();
    expect(
      outcomes.map(({ answer }) => answer),
      label,
    ).toEqual(scenario.arrivals.map((_, at) => at));
    for (const outcome of outcomes) checkOutcome(outcome, scenario, label);
    const worked = outcomes.reduce((sum, { edgeMs }) => sum + edgeMs, 0);
    expect(worked, label).toBeCloseTo(session.world.edge.busyMs, 6);
    if (outcomes.some(({ by }) => by === "lost")) lost.add(pilot.name);
    // Who finishes on the edge loses no photo.
    if (pilot.isInsured) expect(lost.has(pilot.name), label).toBe(false);
  }
  if (name === "gaps in coverage")
    expect([...lost]).toEqual(expect.arrayContaining(["cloud-jpeg", "cloud-raw"]));
});

function checkOutcome(outcome: Outcome, { objective, photos }: Scenario, label: string): void {
  const { answer, photo, exit, by, ms, stages, inTime, right, cut, twice, sentBytes, edgeMs } = outcome;
  const at = `${label}, ${answer}`;
  expect(photo, at).toBe(photos[answer]);
  expect(exit === null, at).toBe(by === "lost" || by === "dropped");
  if (exit === null) expect([right, inTime], at).toEqual([false, false]);
  expect(ms === null, at).toBe(by === "dropped");
  if (ms === null) return;
  const parts = Object.values(stages);
  expect(Math.min(...parts), at).toBeGreaterThanOrEqual(-1e-6);
  expect(
    parts.reduce((sum, part) => sum + part, 0),
    at,
  ).toBeCloseTo(ms, 6);
  const { imageMs, headMs, finishMs, uplinkMs, lostMs } = stages;
  // What was begun beside a reply that came after all is work, but no part of the way.
  expect(edgeMs, at).toBeGreaterThanOrEqual(imageMs + headMs + finishMs - 1e-6);
  if (!twice) expect(edgeMs, at).toBeCloseTo(imageMs + headMs + finishMs, 6);
  expect(uplinkMs > 0, at).toBe(by === "cloud");
  if (by === "edge") expect([lostMs, sentBytes], at).toEqual([0, 0]);
  if (by === "cloud" || by === "fallback" || by === "lost") {
    expect(sentBytes, at).toBeGreaterThan(0);
    expect(cut.length, at).toBeGreaterThan(0);
  }
  const budgetMs = objective.kind === "accuracy" ? objective.budgetMs : Number.POSITIVE_INFINITY;
  expect(inTime, at).toBe(exit !== null && ms <= budgetMs + 1e-6);
}

test("the same seed gives the same bytes, another one others", () => {
  const played = (pilot: Pilot, seed: number): string =>
    JSON.stringify(new Session(scenarioOf({ uplink: GAPS }, { answers: 8 }, seed), pilot).run());
  for (const pilot of pilots) {
    const first = played(pilot, 1);
    expect(played(pilot, 1), pilot.name).toBe(first);
    expect(played(pilot, 2), pilot.name).not.toBe(first);
  }
});

test("all policies meet the same photos under the same conditions", () => {
  const scenario = scenarioOf({}, { answers: 30 });
  const edge = pilots.filter(({ name }) => name === "edge-only-last" || name === "branchynet");
  const [one, other] = edge.map((pilot) => new Session(scenario, pilot).run());
  for (const [at, { photo, stages }] of one!.entries()) {
    expect(other![at]!.photo).toBe(photo);
    expect(other![at]!.stages.imageMs).toBeCloseTo(stages.imageMs, 9);
  }
});

test("what the oracle foretells happens, and of all plans none is worth more", () => {
  // Without early exits what a plan is worth is known: its exit's accuracy if it is in time.
  const metadata = { ...subject.model.metadata, policies: [] };
  const model: Model = { ...subject.model, metadata };
  let inTime = 0;
  for (let seed = 0; seed < 8; seed++) {
    const budgetMs = [120, 200, 300, 450][seed % 4]!;
    const slowdown = [2, 6, 12][seed % 3]!;
    const base = scenarioOf(
      { uplink: seed % 2 === 0 ? GAPS : 2e6, slowdown, load: 0.7 },
      { answers: 1, objective: { kind: "accuracy", budgetMs } },
      seed,
    );
    const scenario: Scenario = { ...base, model };
    const worth = ({ exit, inTime: is, cut }: Outcome, loss: number): number =>
      exit === null || !is
        ? 0
        : model.metadata.exits.find(({ id }) => id === exit)!.accuracy! - (cut.length && loss);
    const planner = new LivePlanner({ costs: scenario.truth });
    const heads = listWays(planner, scenario.verdicts).flatMap((ways) => ways.heads);
    const lossOf = new Map(heads.map(({ plan, loss }) => [JSON.stringify(plan), loss]));
    const planned: string[] = [];
    const watched: Pilot = {
      ...clairvoyant,
      start: (given) => {
        const oracle = clairvoyant.start(given);
        if (!("foretell" in oracle)) throw new Error("expected an oracle");
        return {
          foretell: (world, photo) => {
            const plan = oracle.foretell(world, photo);
            planned.push(JSON.stringify(plan));
            return plan;
          },
        };
      },
    };
    const [best] = new Session(scenario, watched).run();
    const bestWorth = worth(best!, lossOf.get(planned[0]!)!);
    inTime += Number(best!.inTime);
    const random = randomFrom(seed);
    for (const { plan, loss } of heads.filter(() => random() < 60 / heads.length)) {
      const fixed: Pilot = { ...clairvoyant, name: "fixed", start: () => ({ foretell: () => plan }) };
      const [outcome] = new Session(scenario, fixed).run();
      expect(worth(outcome!, loss), `seed ${seed}, ${plan.exit}, ${plan.head.length}`).toBeLessThanOrEqual(
        bestWorth + 1e-9,
      );
    }
  }
  expect(inTime).toBeGreaterThan(3);
});

/** Of each kind one that is not easy to beat. */
const STRONG = [
  "eddi",
  "edge-only",
  "cloud-jpeg+insured",
  "qdmp",
  "edgent",
  "branchynet",
  "spinn",
  "portend",
];

test("over many photos no policy beats the clairvoyant", () => {
  for (const [at, change] of [
    { uplink: GAPS, downlink: GAPS },
    { uplink: 1.5e6, slowdown: 8 },
  ].entries()) {
    const scenario = scenarioOf(change, { answers: 150, everyMs: 900 }, 20 + at);
    const right = (pilot: Pilot): readonly number[] =>
      new Session(scenario, pilot).run().map((one) => Number(one.right && one.inTime));
    const oracle = right(clairvoyant);
    for (const pilot of pilots.filter(({ name }) => STRONG.includes(name))) {
      const gains = right(pilot).map((one, answer) => one - oracle[answer]!);
      const mean = gains.reduce((sum, gain) => sum + gain, 0) / gains.length;
      const variance = gains.reduce((sum, gain) => sum + (gain - mean) ** 2, 0) / gains.length;
      // Which photos an exit has right is chance to an oracle of conditions: three standard errors.
      expect(mean, pilot.name).toBeLessThanOrEqual(3 * Math.sqrt(variance / gains.length) + 1e-9);
    }
  }
});

test("the oracle is the fastest where an accuracy is asked for", () => {
  const objective: Objective = { kind: "latency", minAccuracy: 0.9 };
  const scenario = scenarioOf({ uplink: 2e6, slowdown: 6 }, { objective, answers: 80 }, 5);
  const meanMs = (pilot: Pilot): number => {
    const outcomes = new Session(scenario, pilot).run();
    return outcomes.reduce((sum, { ms }) => sum + ms!, 0) / outcomes.length;
  };
  const best = meanMs(clairvoyant);
  for (const name of [
    "eddi",
    "qdmp",
    "neurosurgeon",
    "edge-only-last",
    "cloud-webp",
    "dads-light-corrected",
  ]) {
    // Which photos leave early is chance to it.
    expect(meanMs(pilots.find((pilot) => pilot.name === name)!), name).toBeGreaterThan(0.97 * best);
  }
});

test("each thing that makes the world harder costs somebody something, and without all of them nothing scatters", () => {
  const timesOf = (without: ReadonlySet<Feature>): string => {
    const change = { without, uplink: GAPS, load: 0.7 };
    const scenario = scenarioOf(change, { answers: 30, everyMs: 11_000 });
    const pilot = pilots.find(({ name }) => name === "cloud-raw")!;
    const edge = pilots.find(({ name }) => name === "edge-only-last")!;
    const busy = scenarioOf(change, { answers: 60, everyMs: 300 });
    const eddi = pilots.find(({ name }) => name === "eddi")!;
    const webp = pilots.find(({ name }) => name === "cloud-webp")!;
    const runs = [
      new Session(scenario, pilot),
      new Session(scenario, webp),
      new Session(busy, edge),
      new Session(busy, eddi),
    ];
    return JSON.stringify(runs.map((session) => session.run().map(({ ms }) => ms)));
  };
  const usual = timesOf(new Set());
  for (const feature of FEATURES) expect(timesOf(new Set([feature])), feature).not.toBe(usual);
  const calm = scenarioOf({ without: new Set(FEATURES) }, { answers: 20 });
  const edge = pilots.find(({ name }) => name === "edge-only-last")!;
  const times = new Session(calm, edge).run().map(({ ms }) => ms!);
  expect(Math.max(...times) - Math.min(...times)).toBeLessThan(1e-6);
});

test("a policy sees what its client has measured, not what is true", () => {
  const asked: number[] = [];
  const spy: Pilot = {
    name: "spy",
    senses: "network",
    isEager: false,
    isInsured: false,
    start: ({ costs }) => ({
      plan: ({ conditions }) => {
        asked.push(conditions.uplinkBps);
        const plan = { exit: costs[0]!.exit, head: costs[0]!.dag.names };
        return { plan, wanted: plan };
      },
    }),
  };
  const step = [
    { durationMs: 30_000, bps: 20e6 },
    { durationMs: 1e6, bps: 0.3e6 },
  ];
  new Session(scenarioOf({ uplink: step }, { answers: 40 }), spy).run();
  expect(asked).toHaveLength(40);
  expect(new Set(asked).size).toBeGreaterThan(10);
  // Probes tell it late, but they tell it.
  expect(asked[10]!).toBeGreaterThan(5e6);
  expect(asked.at(-1)!).toBeLessThan(1e6);
  expect(asked).not.toContain(20e6);
});
