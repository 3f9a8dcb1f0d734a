import { expect, test } from "vitest";
import { DEFAULT_RECIPE, learningRate, viewsOf } from "./recipe.ts";

test("the learning rate rises to its peak, then falls to zero", () => {
  const rates = Array.from({ length: 341 }, (_, i) => learningRate(DEFAULT_RECIPE, i / 10));
  const peak = rates.indexOf(Math.max(...rates));
  expect(peak).toBe(10 * DEFAULT_RECIPE.warmupEpochs);
  expect(rates[peak]).toBe(DEFAULT_RECIPE.rate);
  expect(rates[0]).toBeGreaterThan(0);
  expect(rates.at(-1)).toBeCloseTo(0);
  for (let i = 1; i < rates.length; i++) {
    const [before = 0, now = 0] = rates.slice(i - 1);
    if (i <= peak) expect(now).toBeGreaterThanOrEqual(before);
    else expect(now).toBeLessThan(before);
  }
});

test("a run of one epoch still warms up", () => {
  const recipe = { ...DEFAULT_RECIPE, epochs: 1 };
  expect(learningRate(recipe, 0)).toBeLessThan(learningRate(recipe, 0.25));
  expect(learningRate(recipe, 0.25)).toBe(recipe.rate);
});

test("early epochs see smaller images, the last the full size, cropped less", () => {
  expect(viewsOf(DEFAULT_RECIPE, 128, 0)).toEqual({ size: 96, leastCrop: 0.35 });
  expect(viewsOf(DEFAULT_RECIPE, 32, 0).size).toBe(24);
  expect(viewsOf(DEFAULT_RECIPE, 128, DEFAULT_RECIPE.epochs - 1)).toEqual({ size: 128, leastCrop: 0.6 });
  expect(viewsOf({ ...DEFAULT_RECIPE, epochs: 1 }, 128, 0).size).toBe(128);
});
