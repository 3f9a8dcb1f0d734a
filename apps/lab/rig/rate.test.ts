import { expect, test } from "vitest";
import { capacityOf, type Rate } from "./rate.ts";

const RATES: readonly Rate[] = [
  1e6,
  [{ durationMs: 200, bps: 5e6 }],
  [
    { durationMs: 100, bps: 0 },
    { durationMs: 50, bps: 2e6 },
    { durationMs: 30, bps: 0 },
    { durationMs: 20, bps: 1e6 },
    { durationMs: 70, bps: 0 },
  ],
];

test("the time of some bits is the first at which they fit", () => {
  for (const rate of RATES) {
    const capacity = capacityOf(rate);
    for (let bits = 1; bits < 1e6; bits = Math.ceil(bits * 1.7)) {
      const ms = capacity.msOf(bits);
      expect(capacity.bitsAt(ms)).toBeCloseTo(bits, 3);
      expect(capacity.bitsAt(ms - 0.01)).toBeLessThan(bits);
    }
  }
});

test("a trace goes on from its beginning", () => {
  const { bitsAt, msOf } = capacityOf(RATES[2]!);
  expect([bitsAt(100), bitsAt(150), bitsAt(270), bitsAt(400), bitsAt(540)]).toEqual([
    0, 100_000, 120_000, 180_000, 240_000,
  ]);
  expect(msOf(120_000)).toBe(200);
  expect(msOf(240_000)).toBe(470);
});

test("a rate that never carries anything is refused", () => {
  for (const rate of [0, -1, Number.NaN, [], [{ durationMs: 5, bps: 0 }], [{ durationMs: 0, bps: 5 }]]) {
    expect(() => capacityOf(rate)).toThrow(/bits per second/);
  }
});
