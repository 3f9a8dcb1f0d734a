import { expect, test } from "vitest";
import { seededRandom } from "../graph/fixture.ts";
import { observations, type Truth } from "./fixture.ts";
import { conditionsOf, FIRST_GUESS, type NetworkState, observe, startNetwork } from "./network.ts";
import type { Observation } from "./observation.ts";

const QUIET: Truth = { rttMs: 20, uplinkBps: 50e6, noise: 0.05, receive: "told" };
const RECEIVES = ["told", "silent", "buffered"] as const;

test("both parameters are learnt from the first guess, whether or not the service tells its receive time", () => {
  for (const receive of RECEIVES) {
    for (const uplinkBps of [1e6, 5.85e6, 18.88e6, 50e6]) {
      for (const rttMs of [5, 20, 80, 200]) {
        const state = settle({ ...QUIET, receive, uplinkBps, rttMs }, 1);
        expectNear(state, { rttMs, uplinkBps }, `${receive}, ${rttMs} ms, ${uplinkBps} bit/s`);
      }
    }
  }
});

test("a change of the uplink is followed within 3 transfers, and so is the way back", () => {
  for (const receive of RECEIVES) {
    for (let seed = 0; seed < 40; seed++) {
      const fast = { ...QUIET, receive };
      const slow = { ...fast, uplinkBps: 1e6 };
      const settled = settle(fast, seed);
      const slowed = exchange(settled, slow, seed + 1, 3);
      expectNear(slowed, slow, `${receive}, seed ${seed}: slowed`);
      expectNear(
        exchange(exchange(slowed, slow, seed + 2, 10), fast, seed + 3, 3),
        fast,
        `${receive}, seed ${seed}: back`,
      );
    }
  }
});

test("a change of the RTT is followed within 3 probes and does not upset the uplink, and so is the way back", () => {
  for (const receive of RECEIVES) {
    for (let seed = 0; seed < 40; seed++) {
      const near = { ...QUIET, receive, uplinkBps: 10e6 };
      const far = { ...near, rttMs: 200 };
      const settled = settle(near, seed);
      const moved = exchange(settled, far, seed + 1, 3);
      expectNear(moved, far, `${receive}, seed ${seed}: far`);
      expectNear(
        exchange(exchange(moved, far, seed + 2, 10), near, seed + 3, 3),
        near,
        `${receive}, seed ${seed}: back`,
      );
    }
  }
});

test("with receive times, transfers alone tell both parameters and their changes", () => {
  for (let seed = 0; seed < 40; seed++) {
    let state = startNetwork(FIRST_GUESS);
    for (const truth of [QUIET, { ...QUIET, rttMs: 200 }, { ...QUIET, uplinkBps: 2e6 }, QUIET]) {
      const random = seededRandom(seed);
      for (let i = 0; i < 3; i++) state = observe(state, observations(truth, random, i).transfer(100_000));
      expectNear(state, truth, `seed ${seed}`);
      for (let i = 0; i < 10; i++) state = observe(state, observations(truth, random, i).transfer(100_000));
    }
  }
});

test("when both change at once to anything, nearly all are followed within 3 rounds, the rest soon", () => {
  const random = seededRandom(11);
  const anything = (receive: Truth["receive"]): Truth => {
    return { rttMs: 5 * 60 ** random(), uplinkBps: 0.5e6 * 200 ** random(), noise: 0.05, receive };
  };
  for (const receive of RECEIVES) {
    const near = [0, 0];
    for (let seed = 0; seed < 200; seed++) {
      const after = anything(receive);
      const early = exchange(settle(anything(receive), seed), after, seed, 3);
      for (const [at, state] of [early, exchange(early, after, seed + 1, 5)].entries()) {
        const { rttMs, uplinkBps } = conditionsOf(state);
        const totalMs = after.rttMs + 8e8 / after.uplinkBps;
        const off = Math.abs(rttMs - after.rttMs) + Math.abs(8e8 / uplinkBps - 8e8 / after.uplinkBps);
        if (off < 0.5 * totalMs) near[at]!++;
      }
    }
    expect(near[0], receive).toBeGreaterThan(receive === "told" ? 195 : 170);
    expect(near[1], receive).toBeGreaterThan(195);
  }
});

test("one outlier in either hardly moves the estimate", () => {
  for (const receive of RECEIVES) {
    const truth = { ...QUIET, receive };
    for (let seed = 0; seed < 40; seed++) {
      const settled = settle(truth, seed);
      const random = seededRandom(seed);
      const slow = observations({ ...truth, uplinkBps: 0.5e6, rttMs: 400 }, random, 9000);
      for (const outlier of [slow.probe(), slow.transfer(100_000)]) {
        const hit = observe(settled, outlier);
        expectNear(hit, truth, `${receive}, seed ${seed}`);
        expectNear(exchange(hit, truth, seed + 1, 3), truth, `${receive}, seed ${seed}: after`);
      }
    }
  }
});

test("a transfer too small to tell the uplink never slows the estimate, but can show that it was too slow", () => {
  for (const receive of ["silent", "buffered"] as const) {
    for (let seed = 0; seed < 40; seed++) {
      const random = seededRandom(seed);
      const truth = { ...QUIET, receive };
      const settled = settle(truth, seed);
      let small = settled;
      for (let i = 0; i < 20; i++) {
        small = observe(small, observations(truth, random, 9000 + i).transfer(500));
        small = observe(small, observations(truth, random, 9000 + i).probe());
      }
      expect(conditionsOf(small).uplinkBps).toBeGreaterThan(0.9 * conditionsOf(settled).uplinkBps);
      const slow = settle({ ...truth, uplinkBps: 1e6 }, seed);
      let freed = slow;
      for (let i = 0; i < 3; i++)
        freed = observe(freed, observations(truth, random, 9000 + i).transfer(15_000));
      expect(conditionsOf(freed).uplinkBps).toBeGreaterThan(5e6);
    }
  }
});

test("the spread covers the next observation about as often as a normal distribution says", () => {
  const counts = { all: 0, within: 0 };
  for (let seed = 0; seed < 60; seed++) {
    const truth: Truth = { ...QUIET, rttMs: 60, noise: 0.15 };
    const { rttMs, spread } = conditionsOf(settle(truth, seed));
    const random = seededRandom(seed + 1000);
    for (let i = 0; i < 20; i++) {
      const probe = observations(truth, random, 0).probe();
      counts.all++;
      if (probe.kind === "probe" && probe.rttMs <= rttMs + 1.645 * spread.rttMs) counts.within++;
    }
  }
  expect(counts.within / counts.all).toBeGreaterThan(0.88);
  expect(counts.within / counts.all).toBeLessThan(0.99);
});

test("scales follow measured over predicted, a slow first run apart, within bounds", () => {
  for (const kind of ["edge", "cloud"] as const) {
    const sample = (measuredMs: number, predictedMs = 10): Observation => ({
      kind,
      atMs: 0,
      predictedMs,
      measuredMs,
    });
    const scale = (state: NetworkState) => conditionsOf(state)[`${kind}Scale`];
    const feed = (samples: Observation[]) => samples.reduce(observe, startNetwork(FIRST_GUESS));
    expect(scale(feed([sample(3000), sample(21), sample(20), sample(19)]))).toBeCloseTo(2, 0);
    expect(scale(feed([sample(20), sample(20), sample(400), sample(20)]))).toBeCloseTo(2, 5);
    expect(scale(feed([sample(20), sample(20), sample(60), sample(60)]))).toBeCloseTo(6, 5);
    expect(scale(feed([sample(1e9), sample(1e9)]))).toBeLessThanOrEqual(100);
    expect(scale(feed([sample(0), sample(0)]))).toBeGreaterThanOrEqual(0.01);
    expect(scale(feed([sample(9, 0.01), sample(9, 0.01)]))).toBe(1);
  }
});

test("the queue follows what the service tells", () => {
  const reports = Array.from({ length: 6 }, (): Observation => ({ kind: "queue", atMs: 0, queueMs: 40 }));
  const busy = reports.reduce(observe, startNetwork(FIRST_GUESS));
  expect(conditionsOf(busy).queueMs).toBeGreaterThan(35);
  const idle = reports.map((report) => ({ ...report, queueMs: 0 })).reduce(observe, busy);
  expect(conditionsOf(idle).queueMs).toBeLessThan(5);
});

test("what makes no sense teaches nothing, and nothing makes the conditions unusable", () => {
  const settled = settle(QUIET, 1);
  const kinds: Observation[] = [
    { kind: "probe", atMs: 0, rttMs: 20 },
    { kind: "transfer", atMs: 0, requestBytes: 1000, elapsedMs: 30, serverMs: 5, receiveMs: 1 },
    { kind: "edge", atMs: 0, predictedMs: 10, measuredMs: 10 },
    { kind: "queue", atMs: 0, queueMs: 1 },
  ];
  const random = seededRandom(5);
  let state = settled;
  for (const observation of kinds) {
    for (const [field, value] of Object.entries(observation)) {
      if (typeof value !== "number") continue;
      for (const wrong of [-1, Number.NaN, Infinity]) {
        expect(observe(settled, { ...observation, [field]: wrong })).toBe(settled);
      }
      for (const extreme of [0, 1e-9, 1e12, random()])
        state = observe(state, { ...observation, [field]: extreme });
      const { spread, ...rest } = conditionsOf(state);
      for (const number of [...Object.values(rest), ...Object.values(spread)])
        expect(number).toBeGreaterThanOrEqual(0);
      for (const number of [rest.uplinkBps, rest.edgeScale, rest.cloudScale])
        expect(number).toBeGreaterThan(0);
      expect(Object.values(rest).every(Number.isFinite)).toBe(true);
    }
  }
});

test("the state is plain data: through JSON and back it goes on alike", () => {
  const settled = settle(QUIET, 1);
  const restored = JSON.parse(JSON.stringify(settled)) as NetworkState;
  expect(conditionsOf(exchange(restored, QUIET, 2, 5))).toEqual(conditionsOf(exchange(settled, QUIET, 2, 5)));
});

/** Some rounds of a probe, then a transfer. */
function exchange(start: NetworkState, truth: Truth, seed: number, rounds: number): NetworkState {
  const random = seededRandom(seed);
  let state = start;
  for (let round = 0; round < rounds; round++) {
    const seen = observations(truth, random, round * 500);
    state = observe(observe(state, seen.probe()), seen.transfer(100_000));
  }
  return state;
}

const settle = (truth: Truth, seed: number): NetworkState =>
  exchange(startNetwork(FIRST_GUESS), truth, seed, 20);

/** Within a third, as far as the noise lets the parameters be told apart. */
function expectNear(state: NetworkState, truth: Pick<Truth, "rttMs" | "uplinkBps">, label: string): void {
  const { rttMs, uplinkBps } = conditionsOf(state);
  expect(rttMs / truth.rttMs, `${label}: RTT ${rttMs}`).toBeGreaterThan(0.75);
  expect(rttMs / truth.rttMs, `${label}: RTT ${rttMs}`).toBeLessThan(1.34);
  const wireMs = (bps: number) => 800_000_000 / bps;
  const off = Math.abs(wireMs(uplinkBps) - wireMs(truth.uplinkBps));
  expect(off, `${label}: uplink ${uplinkBps}`).toBeLessThan(0.25 * (wireMs(truth.uplinkBps) + truth.rttMs));
}
