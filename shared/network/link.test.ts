import { afterAll, expect, test } from "vitest";
import { oracle, Simulation, type TrueLink } from "./fixture.ts";
import { Link } from "./link.ts";
import { anyLink, errorsOf, printFigures, QUIET, Rms, replay, SEEDS, Share } from "./link-fixture.ts";
import { FIRST_GUESS } from "./network.ts";

afterAll(printFigures);

test("after 10 samples RTT and uplink are within 10 %, nearly as often as anyone could have them", () => {
  const ours = new Share("settled: ours, within 10 %");
  const best = new Share("settled: oracle, within 10 %");
  const errors = { ours: new Rms("settled: ours, rms"), best: new Rms("settled: oracle, rms") };
  for (let seed = 0; seed < 5 * SEEDS; seed++) {
    const simulation = new Simulation(seed);
    const truth = anyLink(simulation);
    for (let sample = 0; sample < 10; sample++) simulation.next(truth);
    const known = oracle(simulation.samples);
    if (Math.max(known.rttSd, known.uplinkSd) > 0.07) continue;
    const estimate = replay(simulation).estimate();
    for (const off of errorsOf(known, truth)) best.count(errors.best.add(off) <= 0.1);
    for (const off of errorsOf(estimate, truth)) ours.count(errors.ours.add(off) <= 0.1);
  }
  expect(ours.value).toBeGreaterThan(best.value - 0.05);
  expect(ours.value).toBeGreaterThan(0.85);
  expect(errors.ours.value).toBeLessThan(1.25 * errors.best.value);
});

test("with sizes that tell both apart, 95 of 100 estimates after 10 samples are within 10 %", () => {
  const within = new Share("settled, two sizes, within 10 %");
  for (let seed = 0; seed < SEEDS; seed++) {
    const simulation = new Simulation(seed);
    const truth: TrueLink = { ...anyLink(simulation), noise: 0.05 };
    const even = (truth.rttMs * truth.uplinkBps) / 8000;
    for (let sample = 0; sample < 10; sample++) simulation.next(truth, sample % 2 === 0 ? 300 : 10 * even);
    for (const off of errorsOf(replay(simulation).estimate(), truth)) within.count(off <= 0.1);
  }
  expect(within.value).toBeGreaterThan(0.95);
});

test("the noise need not be known: errors stay near the oracle's from 2 to 20 %", () => {
  for (const noise of [0.02, 0.05, 0.2]) {
    const ours = new Rms(`noise ${noise}: ours, rms`);
    const best = new Rms(`noise ${noise}: oracle, rms`);
    for (let seed = 0; seed < 2 * SEEDS; seed++) {
      const simulation = new Simulation(seed);
      const truth = { ...anyLink(simulation), noise };
      for (let sample = 0; sample < 10; sample++) simulation.next(truth);
      const known = oracle(simulation.samples);
      if (Math.max(known.rttSd, known.uplinkSd) > 0.7 * noise) continue;
      for (const off of errorsOf(known, truth)) best.add(off);
      for (const off of errorsOf(replay(simulation).estimate(), truth)) ours.add(off);
    }
    expect(ours.value, `noise ${noise}`).toBeLessThan(1.3 * best.value);
  }
});

test("silence says that a request takes longer than was waited, and no more", () => {
  const simulation = new Simulation(1);
  for (let sample = 0; sample < 20; sample++) simulation.next(QUIET);
  const link = replay(simulation);
  const expected = (): number => link.predict(1e6, 10_000, [0.5])[0]!;
  const before = expected();
  const unmoved = { tMs: 1e6, bytes: 10_000, elapsedMs: before / 4, serverMs: 0 };
  link.observeSilence(unmoved);
  expect(expected() / before).toBeCloseTo(1, 1);
  for (let lost = 0; lost < 3; lost++) link.observeSilence({ ...unmoved, elapsedMs: 3000 });
  expect(expected()).toBeGreaterThan(2000);
});

test("a copy goes its own way", () => {
  const link = Link.start(FIRST_GUESS);
  const before = link.estimate();
  link.copy().observe({ tMs: 0, bytes: 500, elapsedMs: 300, serverMs: 0 });
  expect(link.estimate()).toEqual(before);
});

test("whatever comes, estimates and predictions stay finite and above 0", () => {
  const link = Link.start(FIRST_GUESS);
  for (const elapsedMs of [0, 1e-9, 1e12, 20]) {
    for (const bytes of [0, 1, 1e15]) {
      link.observe({ tMs: 0, bytes, elapsedMs, serverMs: 0 });
      link.observeSilence({ tMs: 0, bytes, elapsedMs, serverMs: 0 });
      const { rttMs, uplinkBps } = link.estimate();
      for (const value of [rttMs, uplinkBps, ...link.predict(0, bytes, [0.025, 0.5, 0.975])]) {
        expect(Number.isFinite(value) && value > 0, `${elapsedMs} ms, ${bytes} B: ${value}`).toBe(true);
      }
    }
  }
});
