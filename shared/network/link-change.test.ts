import { afterAll, expect, test } from "vitest";
import { oracle, Simulation } from "./fixture.ts";
import type { Link } from "./link.ts";
import {
  anyLink,
  errorsOf,
  printFigures,
  QUIET,
  relativeError,
  replay,
  SEEDS,
  Share,
} from "./link-fixture.ts";

afterAll(printFigures);

test("a step of 5 in either is followed within 4 samples to 20 %, nearly as often as it can be known", () => {
  const steps = (["rttMs", "uplinkBps"] as const).flatMap((name) =>
    [5, 0.2].map((factor) => ({
      name,
      factor,
      ours: [2, 3, 4].map((after) => new Share(`${name} * ${factor}, ${after} samples: ours`)),
      best: [2, 3, 4].map((after) => new Share(`${name} * ${factor}, ${after} samples: oracle`)),
    })),
  );
  for (let seed = 0; seed < SEEDS; seed++) {
    // Until the step all four go the same way.
    let settled: Link | null = null;
    for (const { name, factor, ours, best } of steps) {
      const simulation = new Simulation(seed);
      const before = anyLink(simulation);
      const after = { ...before, [name]: factor * before[name] };
      for (let sample = 0; sample < 20; sample++) simulation.next(before);
      settled ??= replay(simulation);
      const link = settled.copy();
      link.observe(simulation.next(after));
      for (let at = 0; at < 3; at++) {
        link.observe(simulation.next(after));
        const known = oracle(simulation.samples);
        if ((name === "rttMs" ? known.rttSd : known.uplinkSd) > 0.1) continue;
        best[at]!.count(relativeError(known[name], after[name]) <= 0.2);
        ours[at]!.count(relativeError(link.estimate()[name], after[name]) <= 0.2);
      }
    }
  }
  for (const { name, factor, ours, best } of steps) {
    expect(ours[2]!.value, `${name} * ${factor}`).toBeGreaterThan(best[2]!.value - 0.08);
    expect(ours[2]!.value, `${name} * ${factor}`).toBeGreaterThan(0.9);
  }
});

test("a hand-over is followed in 3 samples: the next ones take about as long as expected", () => {
  const followed = new Share("hand-over: the median of the fourth sample is within 25 %");
  for (let seed = 0; seed < SEEDS; seed++) {
    const simulation = new Simulation(seed);
    const [wifi, cellular] = [
      { ...QUIET, rttMs: 15, uplinkBps: 40e6 },
      { ...QUIET, rttMs: 90, uplinkBps: 3e6 },
    ];
    for (let sample = 0; sample < 20; sample++) simulation.next(seed % 2 === 0 ? wifi : cellular);
    const after = seed % 2 === 0 ? cellular : wifi;
    for (const bytes of [500, 40_000, 20_000]) simulation.next(after, bytes);
    const [p50] = replay(simulation).predict(simulation.samples.at(-1)!.tMs, 30_000, [0.5]);
    followed.count(relativeError(p50!, after.rttMs + 240e6 / after.uplinkBps) <= 0.25);
  }
  expect(followed.value).toBeGreaterThan(0.9);
});

test("one outlier moves the estimate by less than the noise", () => {
  const kept = new Share("one outlier of 4 or a quarter: both within 15 %");
  for (let seed = 0; seed < SEEDS; seed++) {
    const simulation = new Simulation(seed);
    const truth = { ...QUIET, rttMs: 30, uplinkBps: 8e6 };
    for (let sample = 0; sample < 20; sample++) simulation.next(truth);
    const link = replay(simulation);
    const { rttMs, uplinkBps } = link.estimate();
    const next = simulation.next(truth);
    link.observe({
      ...next,
      serverMs: 0,
      elapsedMs: (next.elapsedMs - next.serverMs) * (seed % 2 === 0 ? 4 : 0.25),
    });
    kept.count(Math.max(...errorsOf(link.estimate(), { ...truth, rttMs, uplinkBps })) <= 0.15);
  }
  expect(kept.value).toBeGreaterThan(0.95);
});
