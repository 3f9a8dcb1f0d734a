import { expect, test } from "vitest";
import { chanceWithin } from "./normal.ts";

test("quantiles of the normal distribution are where tables have them", () => {
  expect(chanceWithin(0, 4)).toBeCloseTo(0.5, 7);
  expect(chanceWithin(1.6448536 * 2, 4)).toBeCloseTo(0.95, 6);
  expect(chanceWithin(-1.959964 * 3, 9)).toBeCloseTo(0.025, 6);
  expect(chanceWithin(1e6, 1)).toBe(1);
  expect(chanceWithin(-1e6, 1)).toBe(0);
});

test("without uncertainty the slack's sign decides, rounding aside", () => {
  const chances = [1, 0, -1e-12, -1e-6].map((slackMs) => chanceWithin(slackMs, 0));
  expect(chances).toEqual([1, 1, 1, 0]);
});
