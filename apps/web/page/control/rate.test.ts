import { expect, test } from "vitest";
import { Rate } from "./rate.ts";

test("so many a second, of the last seconds only", () => {
  const rate = new Rate();
  expect([rate.next(0), rate.next(100)]).toEqual([null, null]);
  expect(rate.next(200)).toBe(10);
  expect(rate.next(10_000)).toBe(null);
  rate.next(10_500);
  expect(rate.next(11_000)).toBe(2);
});
