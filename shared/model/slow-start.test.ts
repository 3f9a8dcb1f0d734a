import { expect, test } from "vitest";
import { FIRST_WINDOW_BYTES, slowStartShare } from "./slow-start.ts";

test("what fits the first window does not wait, however fast the link", () => {
  expect(slowStartShare(FIRST_WINDOW_BYTES, 0)).toBe(0);
});

test("on an endless uplink every doubling costs one RTT", () => {
  for (const rounds of [1, 2, 3, 4]) {
    expect(slowStartShare(FIRST_WINDOW_BYTES * (2 ** rounds - 1), 0)).toBe(rounds - 1);
    expect(slowStartShare(FIRST_WINDOW_BYTES * (2 ** rounds - 1) + 1, 0)).toBe(rounds);
  }
});

test("an uplink that is busy for an RTT with the first window is never idle", () => {
  expect(slowStartShare(1e6, 1)).toBe(0);
});

test("a measured restart: 100 kB at 40 ms and 50 Mbit/s took 57 ms, and 132 ms after a pause", () => {
  const windowMs = (8000 * FIRST_WINDOW_BYTES) / 50e6;
  expect(57 + 40 * slowStartShare(100_000, windowMs / 40)).toBeCloseTo(130, 0);
});
