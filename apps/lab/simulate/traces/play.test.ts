import { expect, test } from "vitest";
import { capacityOf } from "../../rig/rate.ts";
import { playTrace } from "./play.ts";
import { parseTrace } from "./read-trace.ts";

const trace = parseTrace("/t/puffer-home-broadband/a.txt", "0 2\n0.3 0\n1.1 8\n1.5 1\n2 4\n");

test("played from anywhere, it carries what it carried from there on, round after round", () => {
  const { bitsAt } = capacityOf(trace.steps);
  for (let startMs = 0; startMs < 3 * trace.durationMs; startMs += 50) {
    const played = capacityOf(playTrace(trace, { startMs }));
    for (const ms of [0, 70, 300, 333, 1900, 2500, 7001]) {
      expect(played.bitsAt(ms), `${startMs} + ${ms}`).toBeCloseTo(bitsAt(startMs + ms) - bitsAt(startMs), 3);
    }
  }
});

test("a mean given is the mean over a round", () => {
  const steps = playTrace(trace, { startMs: 700, meanBps: 123_456 });
  expect(capacityOf(steps).bitsAt(trace.durationMs)).toBeCloseTo((123_456 * trace.durationMs) / 1000, 3);
});

test("gaps stay, unless a least rate is given", () => {
  expect(playTrace(trace).map(({ bps }) => bps)).toEqual([2e6, 0, 8e6, 1e6, 4e6]);
  expect(playTrace(trace, { leastBps: 1000 }).map(({ bps }) => bps)).toEqual([2e6, 1000, 8e6, 1e6, 4e6]);
});

test("impossible ways to play are refused", () => {
  expect(() => playTrace(trace, { startMs: -1 })).toThrow("startMs: expected a number 0 or above, got -1");
  for (const meanBps of [0, -5, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => playTrace(trace, { meanBps })).toThrow(/^meanBps: expected a number above 0, got /);
  }
});
