import { expect, test } from "vitest";
import { randomFrom } from "#shared/random";
import { TokenBuckets } from "./token-buckets.ts";

test("a client may send a burst at once, and then as many as come back", () => {
  const buckets = new TokenBuckets({ perSecond: 10, burst: 3 });
  expect([0, 0, 0, 0].map((nowMs) => buckets.take("a", nowMs))).toEqual([0, 0, 0, 100]);
  expect(buckets.take("a", 60)).toBe(40);
  expect(buckets.take("a", 100)).toBe(0);
  expect(buckets.take("a", 100)).toBeGreaterThan(0);
});

test("in any span no more pass than the burst and what came back in it", () => {
  const buckets = new TokenBuckets({ perSecond: 7, burst: 5 });
  const random = randomFrom(1);
  let nowMs = 0;
  const passed: number[] = [];
  for (let sent = 0; sent < 5_000; sent++) {
    nowMs += Math.floor(random() * 97);
    if (buckets.take("a", nowMs) === 0) passed.push(nowMs);
  }
  expect(passed.length).toBeGreaterThan(1_000);
  const excess = passed.flatMap((from, first) =>
    passed.slice(first, first + 200).map((to, more) => more + 1 - 5 - ((to - from) * 7) / 1000),
  );
  expect(excess.reduce((most, each) => Math.max(most, each))).toBeLessThanOrEqual(1e-6);
});

test("a bucket holds no more than the burst, however long nothing was taken", () => {
  const buckets = new TokenBuckets({ perSecond: 10, burst: 2 });
  buckets.take("a", 0);
  const late = 1e9;
  expect([1, 2, 3].map(() => buckets.take("a", late) === 0)).toEqual([true, true, false]);
});

test("what turns out to take more is owed, and paid before the next", () => {
  const buckets = new TokenBuckets({ perSecond: 10, burst: 3 });
  expect([buckets.take("a", 0), buckets.lacksForWork("a")]).toEqual([0, false]);
  buckets.owe("a", 12);
  expect(buckets.lacksForWork("a")).toBe(true);
  // 10 below nothing, and one to be taken.
  expect(buckets.take("a", 0)).toBe(1100);
  expect(buckets.take("a", 1000)).toBe(100);
  // A little of the work is still to be made good.
  expect(buckets.lacksForWork("a")).toBe(true);
  expect(buckets.take("a", 1100)).toBe(0);
  buckets.owe("a", 5);
  buckets.owe("a", -5);
  expect([buckets.lacksForWork("a"), buckets.lacksForWork("b")]).toEqual([true, false]);
});

test("whether requests or work have taken a client's tokens is told apart, however small the work", () => {
  const buckets = new TokenBuckets({ perSecond: 1, burst: 2 });
  for (const client of ["sends", "works"]) expect(buckets.take(client, 0)).toBe(0);
  buckets.owe("works", 0.5);
  expect(buckets.take("sends", 0)).toBe(0);
  expect(["sends", "works"].map((client) => buckets.take(client, 0) > 0)).toEqual([true, true]);
  expect(["sends", "works"].map((client) => buckets.lacksForWork(client))).toEqual([false, true]);
});

test("clients do not take from each other, and only so many are remembered", () => {
  const buckets = new TokenBuckets({ perSecond: 1, burst: 1 }, 100);
  for (let client = 0; client < 1_000; client++) expect(buckets.take(`${client}`, 0)).toBe(0);
  expect(buckets.size).toBe(100);
  expect(buckets.take("999", 0)).toBe(1000);
  // The longest unused was forgotten first; one that is used stays.
  expect(buckets.take("900", 0)).toBe(1000);
  for (let client = 0; client < 99; client++) buckets.take(`new ${client}`, 0);
  expect(buckets.take("900", 0)).toBe(1000);
  expect(buckets.take("901", 0)).toBe(0);
});
