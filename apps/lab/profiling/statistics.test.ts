import { expect, test } from "vitest";
import { errorsOf, middleMean } from "./statistics.ts";

const pairs = (...values: readonly (readonly [number, number])[]) =>
  values.map(([predictedMs, measuredMs]) => ({ predictedMs, measuredMs }));

test("predictions that are right have no error", () => {
  expect(errorsOf(pairs([1, 1], [5, 5]))).toEqual({ count: 2, mape: 0, rmseMs: 0, r2: 1 });
});

test("errors are those of the textbook", () => {
  // Errors 1, -2, 0 about 2, 4, 6: MAPE (0.5 + 0.5 + 0) / 3, squared errors 5, squared deviations 8.
  const { count, mape, rmseMs, r2 } = errorsOf(pairs([3, 2], [2, 4], [6, 6]));
  expect(count).toBe(3);
  expect(mape).toBeCloseTo(1 / 3, 12);
  expect(rmseMs).toBeCloseTo(Math.sqrt(5 / 3), 12);
  expect(r2).toBeCloseTo(1 - 5 / 8, 12);
});

test("always to predict the mean explains nothing, worse is below 0", () => {
  expect(errorsOf(pairs([4, 2], [4, 6])).r2).toBe(0);
  expect(errorsOf(pairs([6, 2], [2, 6])).r2).toBe(-3);
  expect(errorsOf(pairs([1, 2])).r2).toBeNaN();
  expect(errorsOf([]).mape).toBeNaN();
});

test("the mean of the middle half heeds neither outliers nor where two halves meet", () => {
  expect(middleMean([1, 2, 3, 4, 5, 6, 7, 1000])).toBe(4.5);
  expect(middleMean([1, 1, 1, 1, 2, 2, 2, 2])).toBe(1.5);
  expect(middleMean([3])).toBe(3);
});
