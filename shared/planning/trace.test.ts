import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { exitCosts } from "#shared/evaluator";
import { type Plan, readModel } from "#shared/model";
import { FIRST_GUESS } from "#shared/network";
import { readProfile } from "#shared/profile";
import { plannerKind } from "./planners.ts";
import { type PlanningTrace, readTrace, replayTrace, type TracedDecision } from "./trace.ts";

const model = readModel(readFileSync("models/tiny/model.json"));
const profile = (name: string) =>
  readProfile(JSON.parse(readFileSync(`models/tiny/profiles/${name}.json`, "utf8")));
const [head, tail] = [profile("head-wasm"), profile("tail-wasm")];
const transport = "fetch";
const ready = model.dag.names;

/** A visit on which the link becomes slower and slower, as the page would have kept it. */
function visit(): PlanningTrace {
  const costs = exitCosts(model, head, tail, { codec: null, transport });
  const planner = plannerKind("eddi", { costs, policies: model.metadata.policies ?? [] }).start();
  const plans: Plan[] = [];
  const readyNodes = new Set(ready);
  let previous: number | null = null;
  const decisions = [50e6, 5e6, 1e6, 0.2e6].map((uplinkBps, at): TracedDecision => {
    const conditions = { ...FIRST_GUESS, uplinkBps, rttMs: 20, edgeScale: 200 };
    const request = {
      conditions,
      budgetMs: 300,
      minAccuracy: null,
      framesPerSecond: null,
      image: { ms: 1, sdMs: 0.1 },
      cloudUp: true,
    };
    const before = previous === null ? null : plans[previous]!;
    const { plan } = planner.plan({ ...request, readyNodes, previous: before });
    plans.push(plan!);
    const decision = { ...request, atMs: 1000 * at, profiles: 0, ready: 0, previous, plan: plans.length - 1 };
    previous = decision.plan;
    return decision;
  });
  return {
    format: 1,
    model: model.metadata.id,
    version: model.version,
    planner: "eddi",
    codec: null,
    imageCodecs: [],
    profiles: [{ head, tail, transport, earlyExits: true }],
    ready: [ready],
    plans,
    decisions,
  };
}

const parsed = (trace: object): PlanningTrace => readTrace(JSON.parse(JSON.stringify(trace)));

test("what was decided is decided again, also from a file", () => {
  const replayed = replayTrace(model, parsed(visit()));
  expect(new Set(replayed.map(({ now }) => JSON.stringify(now))).size).toBeGreaterThan(1);
  expect(replayed.map(({ isSame }) => isSame)).toEqual([true, true, true, true]);
});

test("a decision that would be another one today is told, and leads to no other", () => {
  const trace = visit();
  const plans = [...trace.plans, { exit: "exit1", head: ["image"] }];
  const decisions = trace.decisions.map((one, at) => (at === 1 ? { ...one, plan: plans.length - 1 } : one));
  const replayed = replayTrace(model, parsed({ ...trace, plans, decisions }));
  expect(replayed.map(({ isSame }) => isSame)).toEqual([true, false, true, true]);
  expect(replayed[1]!.now).toEqual(trace.plans[1]);
});

test.each([
  [{ format: 2 }, "format: expected 1, got 2"],
  [{ planner: "mine" }, /^planner: expected one of eddi, .*, got mine$/],
  [{ plans: null }, "plans: expected a list, got null"],
  [{ plans: [] }, /^decisions\[0\].plan: expected a place in plans, got 0$/],
  [{ profiles: [{}] }, "profile: expected an object, got nothing"],
  [
    { decisions: [{ ...visit().decisions[0], budgetMs: "1" }] },
    /^decisions\[0\]: expected finite conditions/,
  ],
  [{ decisions: [{ profiles: 1 }] }, "decisions[0].profiles: expected a place in profiles, got 1"],
])("a trace with %o is refused by name", (change, message) => {
  expect(() => parsed({ ...visit(), ...change })).toThrow(message);
});
