import { expect, test } from "vitest";
import { randomFrom } from "#shared/random";
import { normal } from "./fixture.ts";
import { relativeSpread, startTrack, type Track, track } from "./track.ts";

test("the value settles on the truth, and the spread on the noise", () => {
  for (const noise of [0.02, 0.05, 0.1, 0.2]) {
    const spreads: number[] = [];
    for (let seed = 0; seed < 30; seed++) {
      const settled = feed(startTrack(1, 1), noisySamples(seed, 5, noise, 60));
      expect(Math.abs(Math.log(settled.value / 5)), `noise ${noise}, seed ${seed}`).toBeLessThan(
        2.5 * noise + 0.01,
      );
      spreads.push(relativeSpread(settled));
    }
    const mean = spreads.reduce((a, b) => a + b, 0) / spreads.length;
    expect(mean).toBeGreaterThan(0.8 * noise);
    expect(mean).toBeLessThan(1.3 * noise + 0.05);
  }
});

test("a step by any factor above 2 is followed within 3 samples, up and down", () => {
  for (let seed = 0; seed < 200; seed++) {
    const random = randomFrom(seed);
    const factor = 2 + 60 * random() ** 3;
    const after = random() < 0.5 ? 5 * factor : 5 / factor;
    const settled = feed(startTrack(1, 1), noisySamples(seed, 5, 0.05, 30));
    const moved = feed(settled, noisySamples(seed + 1, after, 0.05, 3));
    expect(Math.abs(Math.log(moved.value / after)), `seed ${seed}: to ${after}`).toBeLessThan(0.25);
  }
});

test("a single outlier moves the value by nothing and is forgotten", () => {
  for (let seed = 0; seed < 100; seed++) {
    const settled = feed(startTrack(1, 1), noisySamples(seed, 5, 0.05, 30));
    for (const outlier of [0.01, 1, 20, 5000]) {
      const hit = feed(settled, [outlier]);
      expect(hit.value).toBe(settled.value);
      expect(relativeSpread(hit)).toBeGreaterThan(relativeSpread(settled));
      const between = feed(hit, [settled.value, outlier]);
      expect(between.value).toBeCloseTo(settled.value, 9);
    }
  }
});

test("a first guess far off gives way to two samples, a near one to the first", () => {
  expect(feed(startTrack(10, 0.5), [14]).value).toBeCloseTo(14);
  expect(feed(startTrack(10, 0.5), [100]).value).toBe(10);
  expect(feed(startTrack(10, 0.5), [100, 110]).value).toBeCloseTo(105, 0);
});

test("after a long pause the next sample counts as the first", () => {
  const settled = feed(startTrack(1, 1), noisySamples(1, 5, 0.02, 30));
  const later = track(settled, 9, settled.atMs + 3_600_000);
  expect(later.value).toBeCloseTo(9);
  expect(relativeSpread(later)).toBeGreaterThan(relativeSpread(settled));
});

function noisySamples(seed: number, value: number, noise: number, count: number): number[] {
  const random = randomFrom(seed);
  return Array.from({ length: count }, () => value * Math.exp(noise * normal(random)));
}

function feed(start: Track, samples: readonly number[]): Track {
  return samples.reduce((state, sample) => track(state, sample, Math.max(state.atMs, 0) + 100), start);
}
