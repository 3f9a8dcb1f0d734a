import { expect, test } from "vitest";
import { growthExponent, timingOf } from "./statistics.ts";

test("median and p95 lie between their neighbours", () => {
  expect(timingOf([4, 1, 3, 2])).toEqual({ median: 2.5, p95: expect.closeTo(3.85, 9), samples: 4 });
  expect(timingOf([7])).toEqual({ median: 7, p95: 7, samples: 1 });
});

test("the exponent of a power is found again", () => {
  expect(growthExponent([1, 10, 100].map((size) => [size, 3 * size ** 1.25]))).toBeCloseTo(1.25, 12);
});
