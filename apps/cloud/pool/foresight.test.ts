import { expect, test } from "vitest";
import { randomFrom } from "#shared/random";
import { Foresight } from "./foresight.ts";

test("expectations that are right are left as they are", () => {
  const foresight = new Foresight();
  expect(foresight.likely(100)).toBe(100);
  for (let at = 0; at < 100; at++) foresight.learn(50, 50);
  expect(foresight.likely(100)).toBe(100);
  expect(foresight.cautious(100)).toBe(100);
});

test("a constant error is corrected", () => {
  const foresight = new Foresight();
  for (let at = 0; at < 200; at++) foresight.learn(100, 140);
  expect(foresight.likely(100)).toBeCloseTo(140, 0);
});

test("caution covers about nineteen in twenty of what varies", () => {
  const foresight = new Foresight();
  const random = randomFrom(1);
  let covered = 0;
  const [warmUp, rounds] = [200, 2000];
  for (let at = 0; at < warmUp + rounds; at++) {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    const actual = 100 * Math.exp(0.3 * normal);
    if (at >= warmUp && actual <= foresight.cautious(100)) covered++;
    foresight.learn(100, actual);
  }
  expect(covered / rounds).toBeGreaterThan(0.89);
  expect(covered / rounds).toBeLessThan(0.985);
});

test("neither a stall nor a run of luck carries it away, and tiny times teach nothing", () => {
  const slow = new Foresight();
  const fast = new Foresight();
  const tiny = new Foresight();
  for (let at = 0; at < 500; at++) {
    slow.learn(10, 10_000);
    fast.learn(1000, 1);
    tiny.learn(0.1, 5);
  }
  expect(slow.cautious(10)).toBe(40);
  expect(fast.likely(10)).toBe(5);
  expect(tiny.likely(10)).toBe(10);
});
