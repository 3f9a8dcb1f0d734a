import { expect, test } from "vitest";
import { TailTimes } from "./tail-times.ts";

const prior = { fixedMs: 2, perImageMs: 1 };

test("before anything ran, the warm-up is believed, but refuses nobody", () => {
  const times = new TailTimes(prior);
  expect(times.expectMs(3)).toBe(5);
  expect(times.isKnown(0)).toBe(false);
});

test("runs of one size teach the level, and keep how the warm-up divides it", () => {
  const times = new TailTimes(prior);
  for (let at = 0; at < 200; at++) times.learn(1, 30, at);
  expect(times.expectMs(1)).toBeCloseTo(30, 0);
  expect(times.line.fixedMs / times.line.perImageMs).toBeCloseTo(2, 0);
});

test("runs of one size say nothing of batches; one of another size does, for a while", () => {
  const times = new TailTimes(prior);
  expect(times.isUntried).toBe(false);
  for (let at = 0; at < 20; at++) times.learn(1, 30, at);
  expect(times.isUntried).toBe(true);
  times.learn(4, 40, 20);
  expect(times.isUntried).toBe(false);
  expect(times.expectMs(4)).toBeLessThan(4 * times.expectMs(1));
  for (let at = 0; at < 10; at++) times.learn(1, 30, at);
  expect(times.isUntried).toBe(false);
  for (let at = 0; at < 100; at++) times.learn(1, 30, at);
  expect(times.isUntried).toBe(true);
});

test("runs of several sizes teach both parts, whatever the warm-up said", () => {
  const times = new TailTimes(prior);
  const truth = (images: number) => 1 + 4 * images;
  for (let at = 0; at < 400; at++) {
    const images = 1 + (at % 8);
    times.learn(images, truth(images), at);
  }
  for (const images of [1, 4, 8]) {
    expect(Math.abs(times.expectMs(images) / truth(images) - 1), `${images}`).toBeLessThan(0.1);
  }
});

test("a request takes what its usual batch takes, and adds its share of that", () => {
  const times = new TailTimes(prior);
  expect(times.usualMs(1)).toBe(3);
  expect(times.shareMs(2)).toBe(4);
  for (let at = 0; at < 100; at++) times.learn(8, 10, at);
  expect(times.usualMs(1)).toBeCloseTo(10, 1);
  expect(times.shareMs(1)).toBeCloseTo(10 / 8, 1);
  expect(times.usualMs(16)).toBeCloseTo(times.expectMs(16), 6);
});

test("a machine that has become slower is believed within some tens of runs", () => {
  const times = new TailTimes(prior);
  for (let at = 0; at < 100; at++) times.learn(1, 3, at);
  for (let at = 0; at < 60; at++) times.learn(1, 12, at);
  expect(times.expectMs(1)).toBeGreaterThan(10);
});

test("neither part is ever negative", () => {
  for (const [small, large] of [
    [50, 5],
    [1, 500],
  ] as const) {
    const times = new TailTimes(prior);
    for (let at = 0; at < 50; at++) {
      times.learn(1, small, at);
      times.learn(8, large, at);
    }
    expect(times.line.fixedMs).toBeGreaterThanOrEqual(0);
    expect(times.line.perImageMs).toBeGreaterThanOrEqual(0);
    expect(times.expectMs(4)).toBeGreaterThan(0);
  }
});

test("what ran long ago is a guess again", () => {
  const times = new TailTimes(prior);
  times.learn(1, 3, 1000);
  expect(times.isKnown(2000)).toBe(true);
  expect(times.isKnown(60_000)).toBe(false);
});

test("the gap between arrivals is infinite before the second, and at least the present silence", () => {
  const times = new TailTimes(prior);
  expect(times.gapMs(0)).toBe(Number.POSITIVE_INFINITY);
  times.arrive(0);
  expect(times.gapMs(5)).toBe(Number.POSITIVE_INFINITY);
  for (let at = 1; at <= 20; at++) times.arrive(10 * at);
  expect(times.gapMs(200)).toBe(10);
  expect(times.gapMs(290)).toBe(90);
});

test("what stood in while a tail's engine was opened counts until the engine has run, and not after it", () => {
  const times = new TailTimes(prior);
  for (let at = 0; at < 10; at++) times.learn(1, 40, at, true);
  expect(times.expectMs(1)).toBeGreaterThan(30);
  expect(times.isKnown(10)).toBe(true);
  times.learn(1, 10, 10);
  expect(times.expectMs(1)).toBeLessThan(11);
  const { line } = times;
  for (let at = 11; at < 20; at++) times.learn(1, 40, at, true);
  expect(times.line).toEqual(line);
});
