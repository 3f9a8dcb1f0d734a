import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { calmly } from "./calmly.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("of a burst the first value is handed on at once and the last in its time, none between them", () => {
  const taken: number[] = [];
  const tell = calmly<number>((value) => taken.push(value));
  for (let value = 0; value < 10; value++) {
    tell(value);
    vi.advanceTimersByTime(10);
  }
  expect(taken).toEqual([0]);
  vi.advanceTimersByTime(60);
  expect(taken).toEqual([0, 9]);
  vi.advanceTimersByTime(1000);
  expect(taken).toEqual([0, 9]);
});

test("what comes seldom is never late", () => {
  const taken: string[] = [];
  const tell = calmly<string>((value) => taken.push(value));
  for (const value of ["a", "b", "c"]) {
    tell(value);
    expect(taken.at(-1)).toBe(value);
    vi.advanceTimersByTime(151);
  }
});
