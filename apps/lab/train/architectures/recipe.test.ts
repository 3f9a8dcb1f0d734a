import { expect, test } from "vitest";
import {
  anotherCycle,
  BASE_RECIPE,
  learningShare,
  mixingOf,
  type Recipe,
  teachingOf,
  viewsOf,
} from "./recipe.ts";

const recipe: Recipe = {
  ...BASE_RECIPE,
  epochs: 10,
  mixing: 0.5,
  mixingUntil: 0.8,
  phases: [
    { share: 0.7, size: 96, leastCrop: 0.35 },
    { share: 0.3, size: 128, leastCrop: 0.6 },
  ],
};

test("the learning rate rises to its peak, then falls to zero", () => {
  const rates = Array.from({ length: 101 }, (_, i) => learningShare(recipe, i / 10));
  const peak = rates.indexOf(Math.max(...rates));
  expect(peak).toBe(10 * recipe.warmupEpochs);
  expect(rates[peak]).toBe(1);
  expect(rates[0]).toBeGreaterThan(0);
  expect(rates.at(-1)).toBeCloseTo(0);
  for (let i = 1; i < rates.length; i++) {
    const [before = 0, now = 0] = rates.slice(i - 1);
    if (i <= peak) expect(now).toBeGreaterThanOrEqual(before);
    else expect(now).toBeLessThan(before);
  }
});

test("a run of one epoch still warms up", () => {
  const short = { ...recipe, epochs: 1 };
  expect(learningShare(short, 0)).toBeLessThan(learningShare(short, 0.25));
  expect(learningShare(short, 0.25)).toBe(1);
});

test("each phase has its share of the epochs, and the last the rest", () => {
  const sizes = Array.from({ length: 10 }, (_, epoch) => viewsOf(recipe, epoch).size);
  expect(sizes).toEqual([96, 96, 96, 96, 96, 96, 96, 128, 128, 128]);
  expect(viewsOf(recipe, 0)).toEqual({ size: 96, leastCrop: 0.35 });
  expect(viewsOf({ ...recipe, epochs: 1 }, 0).size).toBe(128);
  expect(viewsOf({ ...recipe, epochs: 25 }, 24).size).toBe(128);
});

test("after a warm restart the rate falls again from a share of its peak; what came before is as without it", () => {
  const [first, second] = [recipe.phases[0]!, recipe.phases[1]!];
  const longer: Recipe = {
    ...recipe,
    epochs: 16,
    phases: [
      { ...first, share: 7 },
      { ...second, share: 3 },
      { size: 96, leastCrop: 0.5, share: 4, restart: 0.6 },
      { ...second, share: 2 },
    ],
  };
  for (let progress = 0; progress < 10; progress += 0.25) {
    expect(learningShare(longer, progress)).toBeCloseTo(learningShare(recipe, progress), 12);
    expect(viewsOf(longer, Math.floor(progress))).toEqual(viewsOf(recipe, Math.floor(progress)));
  }
  expect(learningShare(longer, 10)).toBe(0.6);
  expect(learningShare(longer, 13)).toBeCloseTo(0.3);
  expect(learningShare(longer, 16)).toBeCloseTo(0);
  expect([10, 13, 14, 15].map((epoch) => viewsOf(longer, epoch).size)).toEqual([96, 96, 128, 128]);

  const again = anotherCycle(longer);
  expect(again.epochs).toBe(6);
  expect(again.phases).toEqual(longer.phases.slice(2));
  // Weights have moved on, but what follows them has not: it warms up.
  expect(learningShare(again, 0)).toBeLessThan(0.1);
  for (let progress = 2; progress < 6; progress += 0.25) {
    const share = learningShare(again, progress);
    expect(share).toBeLessThan(0.6);
    expect(share).toBeGreaterThan(learningShare(again, progress + 0.25));
    expect(viewsOf(again, Math.floor(progress))).toEqual(viewsOf(longer, Math.floor(progress) + 10));
  }
  expect(anotherCycle(recipe)).toEqual(recipe);
});

test("the last exit teaches until a phase lets all teach together", () => {
  const [first, second] = [recipe.phases[0]!, recipe.phases[1]!];
  const phases = [first, { ...second, together: 0.5 }];
  expect(teachingOf({ ...recipe, phases }, 6)).toEqual({ teacher: "last", share: recipe.distillation });
  expect(teachingOf({ ...recipe, phases }, 7)).toEqual({ teacher: "all", share: 0.5 });
});

test("the last epochs see photos as they are", () => {
  expect([0, 7, 8, 9].map((epoch) => mixingOf(recipe, epoch))).toEqual([0.5, 0.5, 0, 0]);
});
