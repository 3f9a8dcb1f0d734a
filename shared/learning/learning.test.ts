import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { exitCosts } from "#shared/evaluator";
import { allCloud, allEdge, edgeNodes, headRunOf, readModel, USUAL_CODEC } from "#shared/model";
import { conditionsOf, FIRST_GUESS, observe, startNetwork } from "#shared/network";
import { analyticProfile } from "#shared/profile";
import { randomFrom } from "#shared/random";
import { learn, relax } from "./learning.ts";
import type { CloudMeasured, HeadMeasured, Measured } from "./measured.ts";
import { profiledMs } from "./profiled.ts";

const model = readModel(readFileSync("models/tiny/model.json"));
const exits = model.metadata.exits.map(({ id }) => id);
const head = analyticProfile(model, "head", 1e5, 0.1);
const tail = analyticProfile(model, "tail", 10e6, 2);
const costs = exitCosts(model, head, tail, { codec: USUAL_CODEC });
const quiet: Measured = { imageMs: 1, head: null, cloud: null, way: null };
const plan = allCloud(model, exits.at(-1)!);

test("a reply teaches uplink, RTT, queue and the cloud's scale", () => {
  const { cloudMs } = profiledMs(costs, plan, FIRST_GUESS);
  const reply: CloudMeasured = {
    kind: "answered",
    plan,
    requestBytes: 99_500,
    transport: "fetch",
    isShared: false,
    elapsedMs: 20 + 160 + 4 + 2 * cloudMs,
    served: { queueMs: 4, computeMs: 2 * cloudMs, isStandIn: false },
    expectedQueueMs: 30,
  };
  const small = { ...reply, requestBytes: 9500, elapsedMs: reply.elapsedMs - 144 };
  let state = startNetwork(FIRST_GUESS);
  for (let at = 0; at < 16; at++) {
    state = learn(state, costs, { ...quiet, cloud: at % 2 === 0 ? reply : small }, 500 * at);
  }
  const { rttMs, uplinkBps, cloudScale, queueMs } = conditionsOf(state);
  expect(rttMs / 20).toBeCloseTo(1, 1);
  expect(uplinkBps / 5e6).toBeCloseTo(1, 1);
  expect(cloudScale).toBeCloseTo(2, 1);
  expect(queueMs).toBeCloseTo(30, 1);
});

test("what stood in for a tail's engine teaches the link, and nothing of the cloud", () => {
  const { cloudMs } = profiledMs(costs, plan, FIRST_GUESS);
  const requestBytes = 99_500;
  const reply = (times: number, isStandIn: boolean): CloudMeasured => ({
    kind: "answered",
    plan,
    requestBytes,
    transport: "fetch",
    isShared: false,
    elapsedMs: 20 + 160 + times * cloudMs,
    served: { queueMs: 0, computeMs: times * cloudMs, isStandIn },
    expectedQueueMs: 0,
  });
  const foretold = { totalMs: 180 + cloudMs, sdMs: 10, p95Ms: 200 + cloudMs };
  const image = (times: number, isStandIn: boolean): Measured => ({
    ...quiet,
    cloud: reply(times, isStandIn),
    way: { by: "cloud", foretold, ms: 180 + times * cloudMs, isThere: true },
  });
  let state = startNetwork(FIRST_GUESS);
  for (let at = 0; at < 8; at++) state = learn(state, costs, image(1, false), 500 * at);
  const before = conditionsOf(state);
  let after = state;
  for (let at = 8; at < 16; at++) after = learn(after, costs, image(6, true), 500 * at);
  expect(conditionsOf(after).cloudScale).toBe(before.cloudScale);
  expect(after.surprise.late).toBe(state.surprise.late);
  expect(conditionsOf(after).uplinkBps / before.uplinkBps).toBeCloseTo(1, 1);
  let slower = state;
  for (let at = 8; at < 16; at++) slower = learn(slower, costs, image(6, false), 500 * at);
  expect(conditionsOf(slower).cloudScale / before.cloudScale).toBeGreaterThan(4);
});

test("of a cloud that tells no times first the link is learnt, then what it makes a request wait, and that it does no more", () => {
  const truth = { rttMs: 20, uplinkBps: 5e6 };
  const { cloudMs } = profiledMs(costs, plan, FIRST_GUESS);
  const random = randomFrom(7);
  let state = startNetwork(FIRST_GUESS);
  let atMs = 0;
  /** So many replies, with the small requests between them that tell the RTT alone. */
  const answer = (count: number, queueMs: number): void => {
    for (let at = 0; at < count; at++) {
      atMs += 500;
      const probe = { requestBytes: 500, elapsedMs: truth.rttMs + 0.8 + random(), serverMs: 0 };
      state = observe(state, { kind: "transfer", atMs, ...probe });
      atMs += 500;
      const requestBytes = at % 2 === 0 ? 99_310 : 19_310;
      const linkMs = truth.rttMs + (8000 * (requestBytes + 690)) / truth.uplinkBps;
      const elapsedMs = linkMs + cloudMs + queueMs + random();
      const cloud: CloudMeasured = {
        ...{ kind: "answered", plan, requestBytes, transport: "fetch", isShared: false, elapsedMs },
        ...{ served: null, expectedQueueMs: null },
      };
      state = learn(state, costs, { ...quiet, cloud }, atMs);
    }
  };
  answer(16, 0);
  const idle = conditionsOf(state);
  expect(idle.uplinkBps / truth.uplinkBps).toBeCloseTo(1, 1);
  expect(idle.queueMs).toBeLessThan(5);
  expect(idle.cloudScale).toBe(1);
  answer(8, 150);
  const busy = conditionsOf(state);
  expect(busy.queueMs).toBeGreaterThan(75);
  // Nobody can tell a queue from a slower link by one request; several of different sizes do.
  expect(busy.uplinkBps / truth.uplinkBps).toBeGreaterThan(0.45);
  answer(12, 0);
  const again = conditionsOf(state);
  expect(again.queueMs).toBeLessThan(10);
  expect(again.uplinkBps / truth.uplinkBps).toBeGreaterThan(0.8);
});

test("after silence a request is expected to take longer, so that a slower link is noticed at all", () => {
  const lost = {
    kind: "lost",
    requestBytes: 10_000,
    transport: "fetch",
    waitedMs: 3000,
    isShared: false,
    isHeard: false,
    retryAfterMs: null,
    expectedQueueMs: null,
  } as const;
  let state = startNetwork(FIRST_GUESS);
  for (let at = 0; at < 3; at++) state = learn(state, costs, { ...quiet, cloud: lost }, 1000 * at);
  const { rttMs, uplinkBps } = conditionsOf(state);
  expect(rttMs + (8000 * 10_500) / uplinkBps).toBeGreaterThan(2000);
});

test("what shares the link with a download teaches its queue, and nothing of a slow link", () => {
  const truth = { rttMs: 60, uplinkBps: 0.4e6 };
  const { cloudMs } = profiledMs(costs, plan, FIRST_GUESS);
  const random = randomFrom(3);
  let state = startNetwork(FIRST_GUESS);
  for (let at = 0; at < 24; at++) {
    const isShared = at % 3 !== 0;
    const requestBytes = at % 2 === 0 ? 9500 : 1500;
    const ownMs = truth.rttMs + (8000 * (requestBytes + 500)) / truth.uplinkBps;
    // Weights lie before the reply: up to 5 s of them.
    const waitMs = isShared ? 5000 * random() : 0;
    const served = { queueMs: 2, computeMs: cloudMs, isStandIn: false };
    const answered: CloudMeasured = {
      kind: "answered",
      plan,
      requestBytes,
      transport: "fetch",
      isShared,
      elapsedMs: ownMs + waitMs + served.queueMs + served.computeMs,
      served,
      expectedQueueMs: 7,
    };
    const lost = { kind: "lost", requestBytes, transport: "fetch", isShared, isHeard: true } as const;
    const cloud =
      waitMs > 2500 ? { ...lost, waitedMs: 2500, retryAfterMs: null, expectedQueueMs: null } : answered;
    state = learn(state, costs, { ...quiet, cloud }, 3000 * at);
  }
  const { rttMs, uplinkBps, cloudScale, queueMs } = conditionsOf(state);
  expect(Math.abs(Math.log(rttMs / truth.rttMs))).toBeLessThan(0.2);
  expect(Math.abs(Math.log(uplinkBps / truth.uplinkBps))).toBeLessThan(0.2);
  expect(cloudScale).toBeCloseTo(1, 1);
  expect(queueMs).toBeCloseTo(7, 0);
});

test("a refusal tells the queue", () => {
  const refused = {
    kind: "lost",
    requestBytes: 10_000,
    transport: "stream",
    waitedMs: null,
    isShared: false,
    isHeard: false,
    retryAfterMs: 1000,
    expectedQueueMs: 800,
  } as const;
  const state = learn(startNetwork(FIRST_GUESS), costs, { ...quiet, cloud: refused }, 0);
  expect(conditionsOf(state)).toEqual({ ...conditionsOf(startNetwork(FIRST_GUESS)), queueMs: 800 });
});

test("a slow cloud that was long not tried is given another chance", () => {
  const { cloudMs } = profiledMs(costs, plan, FIRST_GUESS);
  const reply = {
    kind: "answered",
    plan,
    requestBytes: 0,
    transport: "fetch",
    isShared: false,
    elapsedMs: 50,
    expectedQueueMs: 0,
  } as const;
  let state = startNetwork(FIRST_GUESS);
  for (let at = 0; at < 5; at++) {
    state = learn(
      state,
      costs,
      { ...quiet, cloud: { ...reply, served: { queueMs: 0, computeMs: 20 * cloudMs, isStandIn: false } } },
      at,
    );
  }
  const slow = conditionsOf(state).cloudScale;
  expect(slow).toBeGreaterThan(10);
  expect(relax(state, 1000)).toBe(state);
  for (let minute = 1; minute < 10; minute++) state = relax(state, 60_000 * minute);
  expect(conditionsOf(state).cloudScale).toBeLessThan(1.2);
});

test("a head teaches what ran: with the branches asked in vain, and only as far as it went", () => {
  const last = exits.at(-1)!;
  const early = exits.slice(0, 2).map((exit) => ({ exit, threshold: 0.5 }));
  const whole = { ...allEdge(model, last), early };
  const { asks } = headRunOf(model, whole);
  const branches = edgeNodes(model, whole).filter((name) => !whole.head.includes(name));
  // An exit's node reads its scores back: its own costs say so.
  const times = new Map(costs.flatMap(({ dag, edgeMs }) => dag.names.map((name, at) => [name, edgeMs[at]!])));
  const timeOf = (names: readonly string[]) => names.reduce((sum, name) => sum + times.get(name)!, 0);
  const ran: [HeadMeasured, number][] = [
    [{ plan: allEdge(model, exits[0]!), branches: [], runs: 1, ms: 0 }, timeOf(asks[0]!.segment.nodes)],
    [
      { plan: allEdge(model, last), branches, runs: 3, ms: 0 },
      2 * head.fixedMs + timeOf(edgeNodes(model, whole)),
    ],
  ];
  for (const [measured, expectedMs] of ran) {
    let state = startNetwork(FIRST_GUESS);
    const ms = 3 * (expectedMs + head.fixedMs);
    for (let at = 0; at < 8; at++) state = learn(state, costs, { ...quiet, head: { ...measured, ms } }, at);
    expect(conditionsOf(state).edgeScale).toBeCloseTo(3, 3);
  }
});
