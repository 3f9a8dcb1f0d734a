import { expect, test } from "vitest";
import { randomFrom } from "#shared/random";
import { FIRST_WINDOW_BYTES, roundTrips, slowStartShare, tripSteps } from "./slow-start.ts";

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

test("by steps a request takes as many round trips as by itself", () => {
  const beyond = new Float64Array(24);
  const trips = new Float64Array(24);
  let above = 0;
  for (let seed = 0; seed < 300; seed++) {
    const random = randomFrom(seed);
    const link = { rttMs: 300 * random(), uplinkBps: 10 ** (5 + 4 * random()), restarts: random() };
    const steps = tripSteps(link, beyond, trips);
    for (const bytes of [500, FIRST_WINDOW_BYTES, FIRST_WINDOW_BYTES + 1, 3e6 * random(), 1e5 * random()]) {
      const step = beyond.subarray(0, steps).findLastIndex((from) => bytes > from);
      const wanted = roundTrips(bytes, link);
      expect(step < 0 ? 1 : trips[step]!, `seed ${seed}, ${bytes}`).toBeCloseTo(wanted, 9);
      if (wanted > 1) above++;
    }
  }
  expect(above).toBeGreaterThan(300);
  expect(tripSteps({ rttMs: 50, uplinkBps: 1e8 }, beyond, trips)).toBe(0);
  expect(roundTrips(1e6, { rttMs: 50, uplinkBps: 1e8 })).toBe(1);
});
