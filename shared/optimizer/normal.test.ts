import { expect, test } from "vitest";
import { putChance } from "./normal.ts";

const chance = (slackMs: number, variance: number): number => {
  const out = new Float64Array(2);
  putChance(slackMs, variance, out, 1);
  return out[1]!;
};

test("quantiles of the normal distribution are where tables have them", () => {
  expect(chance(0, 4)).toBeCloseTo(0.5, 7);
  expect(chance(1.6448536 * 2, 4)).toBeCloseTo(0.95, 6);
  expect(chance(-1.959964 * 3, 9)).toBeCloseTo(0.025, 6);
  expect(chance(1e6, 1)).toBe(1);
  expect(chance(-1e6, 1)).toBe(0);
});

test("without uncertainty the slack's sign decides, rounding aside", () => {
  expect([chance(1, 0), chance(0, 0), chance(-1e-12, 0), chance(-1e-6, 0)]).toEqual([1, 1, 1, 0]);
});
