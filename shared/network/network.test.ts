import { expect, test } from "vitest";
import { latencySdMs } from "#shared/evaluator";
import { Simulation, type TrueLink } from "./fixture.ts";
import { conditionsOf, FIRST_GUESS, type NetworkState, observe, startNetwork } from "./network.ts";
import type { Observation } from "./observation.ts";

const QUIET: TrueLink = { rttMs: 40, uplinkBps: 10e6, noise: 0.1, outliers: 0.05, restarts: false };

test("a latency plus 1.645 standard deviations is kept to by about 95 % of requests, of any size", () => {
  for (const noise of [0.05, 0.1, 0.2]) {
    for (const bytes of [500, 5000, 30_000, 100_000]) {
      const late = { all: 0, count: 0 };
      for (let seed = 0; seed < 10; seed++) {
        const simulation = new Simulation(seed);
        const truth = { ...QUIET, noise, rttMs: simulation.between(5, 300) };
        let state = startNetwork(FIRST_GUESS);
        for (let round = 0; round < 30; round++) {
          state = exchange(state, simulation, truth);
          if (round < 10) continue;
          const { rttMs, uplinkBps, spread } = conditionsOf(state);
          const uplinkMs = (8000 * bytes) / uplinkBps;
          const totalMs = rttMs + uplinkMs;
          const elsewhere = { edgeMs: 0, queueMs: 0, cloudMs: 0, downlinkMs: 0 };
          const sdMs = latencySdMs({ ...elsewhere, rttMs, uplinkMs, totalMs }, spread);
          const aside = new Simulation(1000 * seed + round);
          for (let request = 0; request < 10; request++) {
            const { elapsedMs, serverMs } = aside.next(truth, bytes);
            late.all++;
            if (elapsedMs - serverMs > totalMs + 1.645 * sdMs) late.count++;
          }
        }
      }
      const label = `noise ${noise}, ${bytes} bytes`;
      expect(late.count / late.all, label).toBeGreaterThan(0.02);
      expect(late.count / late.all, label).toBeLessThan(0.065);
    }
  }
});

test("small requests alone leave the uplink as it was", () => {
  for (let seed = 0; seed < 10; seed++) {
    const simulation = new Simulation(seed);
    const settled = settle(simulation, 20);
    let small = settled;
    for (let probe = 0; probe < 20; probe++) small = exchange(small, simulation, QUIET, 500);
    const change = conditionsOf(small).uplinkBps / conditionsOf(settled).uplinkBps;
    expect(Math.abs(Math.log(change)), `seed ${seed}: ${change}`).toBeLessThan(0.15);
    expect(conditionsOf(small).spread.uplink).toBeGreaterThan(0);
  }
});

test("requests of one size tell its time, not what it is made of, and the spread knows", () => {
  for (let seed = 0; seed < 10; seed++) {
    const simulation = new Simulation(seed);
    let state = startNetwork(FIRST_GUESS);
    for (let at = 0; at < 20; at++) state = exchange(state, simulation, QUIET, 50_000);
    const { rttMs, uplinkBps, spread } = conditionsOf(state);
    expect((rttMs + 4e8 / uplinkBps) / 80, `seed ${seed}`).toBeCloseTo(1, 0);
    expect(spread.rttUplink, `seed ${seed}`).toBeLessThan(-0.3);
  }
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

test("the queue follows what the service tells: the sooner, the longer it was not heard of", () => {
  const told = (atMs: number, queueMs: number): Observation => ({ kind: "queue", atMs, queueMs });
  const busy = observe(startNetwork(FIRST_GUESS), told(0, 40));
  expect(conditionsOf(busy).queueMs).toBe(40);
  const after = (atMs: number): number => conditionsOf(observe(busy, told(atMs, 0))).queueMs;
  expect([0, 1000, 2000].map(after)).toEqual([20, 10, 5]);
  expect(after(20_000)).toBeLessThan(0.1);
  // A reply that overtook another is no news from the future.
  const late = [told(9000, 0), told(8000, 0)].reduce(observe, observe(busy, told(10_000, 40)));
  expect(conditionsOf(late).queueMs).toBe(10);
});

test("what makes no sense teaches nothing, and nothing makes the conditions unusable", () => {
  const settled = settle(new Simulation(1), 20);
  const kinds: Observation[] = [
    { kind: "transfer", atMs: 0, requestBytes: 1000, elapsedMs: 30, serverMs: 5 },
    { kind: "silence", atMs: 0, requestBytes: 1000, waitedMs: 30, serverMs: 5 },
    { kind: "edge", atMs: 0, predictedMs: 10, measuredMs: 10 },
    { kind: "queue", atMs: 0, queueMs: 1 },
  ];
  let state = settled;
  for (const observation of kinds) {
    for (const [field, value] of Object.entries(observation)) {
      if (typeof value !== "number") continue;
      for (const wrong of [-1, Number.NaN, Infinity]) {
        expect(observe(settled, { ...observation, [field]: wrong })).toBe(settled);
      }
      for (const extreme of [0, 1e-9, 1e12, 0.5]) {
        state = observe(state, { ...observation, [field]: extreme });
        const { spread, ...rest } = conditionsOf(state);
        const { rttUplink, ...sds } = spread;
        expect(Math.abs(rttUplink)).toBeLessThanOrEqual(1);
        for (const number of [...Object.values(rest), ...Object.values(sds)]) {
          expect(Number.isFinite(number) && number >= 0, `${field} ${extreme}: ${number}`).toBe(true);
        }
        expect(Math.min(rest.uplinkBps, rest.edgeScale, rest.cloudScale)).toBeGreaterThan(0);
      }
    }
  }
});

test("an observation makes a new state and leaves the old one", () => {
  const settled = settle(new Simulation(1), 5);
  const before = settled.link.estimate();
  exchange(settled, new Simulation(2), { ...QUIET, rttMs: 300 });
  expect(settled.link.estimate()).toEqual(before);
});

function settle(simulation: Simulation, rounds: number): NetworkState {
  let state = startNetwork(FIRST_GUESS);
  for (let round = 0; round < rounds; round++) state = exchange(state, simulation, QUIET);
  return state;
}

/** One request over a true link. */
function exchange(state: NetworkState, simulation: Simulation, truth: TrueLink, size?: number): NetworkState {
  const { tMs, bytes, elapsedMs, serverMs } = simulation.next(truth, size);
  return observe(state, {
    kind: "transfer",
    atMs: tMs + elapsedMs,
    requestBytes: bytes,
    elapsedMs,
    serverMs,
  });
}
