import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import type { RateStep } from "../../rig/rate.ts";
import { SHARED_DATA } from "../fixture.ts";
import { readTrace } from "./read-trace.ts";
import { traceStatistics } from "./statistics.ts";
import type { Trace } from "./trace.ts";

const traceOf = (...steps: RateStep[]): Trace => ({
  name: "test",
  format: "test",
  direction: "not stated",
  durationMs: steps.reduce((sum, { durationMs }) => sum + durationMs, 0),
  steps,
  rtt: null,
});
const seconds = (...mbit: number[]): RateStep[] => mbit.map((m) => ({ durationMs: 1000, bps: 1e6 * m }));

test("figures of a trace of whole seconds", () => {
  const statistics = traceStatistics(traceOf(...seconds(2, 0, 0.05, 4, 4, 0.1, 3, 3)));
  expect(statistics).toMatchObject({ medianBps: 2.5e6, belowTenthOfMedian: 3 / 8, longestOutageS: 2 });
  expect(statistics.meanBps).toBeCloseTo(16.15e6 / 8, 3);
  const mean = 16.15 / 8;
  const squares = [2, 0, 0.05, 4, 4, 0.1, 3, 3].map((m) => (m - mean) ** 2);
  expect(statistics.cv).toBeCloseTo(Math.sqrt(squares.reduce((a, b) => a + b) / 8) / mean, 12);
});

test("seconds count as they are in their middle, the mean as it is over time", () => {
  const jagged = traceOf(
    { durationMs: 400, bps: 1e6 },
    { durationMs: 200, bps: 9e6 },
    { durationMs: 1900, bps: 1e6 },
  );
  // 2.5 s are three seconds, the last of which has lost its middle: the last step holds.
  expect(traceStatistics(jagged)).toEqual({
    meanBps: (0.4 * 1e6 + 0.2 * 9e6 + 1.9 * 1e6) / 2.5,
    medianBps: 1e6,
    cv: Math.sqrt((2 * (1e6 - 11e6 / 3) ** 2 + (9e6 - 11e6 / 3) ** 2) / 3) / (11e6 / 3),
    belowTenthOfMedian: 0,
    longestOutageS: 0,
  });
  expect(traceStatistics(traceOf({ durationMs: 3, bps: 5e6 }))).toMatchObject({ medianBps: 5e6, cv: 0 });
});

test("a gap of days costs neither time nor memory", () => {
  const days = traceOf({ durationMs: 1e12, bps: 0 }, ...seconds(5));
  expect(traceStatistics(days)).toMatchObject({ medianBps: 0, longestOutageS: 1e9 });
});

/** What population.json says of each file, rounded as there; the file itself is what the figures are of. */
interface Variation {
  readonly trace: string;
  readonly measuredDirection: string;
  readonly traceMeanBps: number;
  readonly durationS: number;
  readonly cv: number;
  readonly shareBelowTenthOfMedian: number;
  readonly longestOutageS: number;
}

test.skipIf(SHARED_DATA === null)(
  "all traces have the figures that the population was made with (needs ../shared/data)",
  async () => {
    const text = readFileSync(path.join(SHARED_DATA!, "population/population.json"), "utf8");
    const { radios } = JSON.parse(text) as { radios: { variation: Variation[] }[] };
    const variations = radios.flatMap(({ variation }) => variation.filter(({ trace }) => trace !== null));
    const byTrace = new Map(variations.map((one) => [one.trace, one]));
    expect(byTrace.size).toBe(12);
    for (const [name, expected] of byTrace) {
      const trace = await readTrace(path.join(SHARED_DATA!, name));
      const { meanBps, cv, belowTenthOfMedian, longestOutageS } = traceStatistics(trace);
      expect(trace.direction, name).toBe(expected.measuredDirection);
      expect(Math.round(trace.durationMs / 1000), name).toBe(expected.durationS);
      expect(Math.abs(meanBps / expected.traceMeanBps - 1), name).toBeLessThan(1e-3);
      // Of the restaurant's Wi-Fi we find 0.880, they 0.89.
      expect(Math.abs(cv - expected.cv), name).toBeLessThan(name.includes("rest-wifi") ? 0.0105 : 0.0055);
      expect(Math.abs(belowTenthOfMedian - expected.shareBelowTenthOfMedian), name).toBeLessThan(0.00055);
      expect(longestOutageS, name).toBe(expected.longestOutageS);
    }
  },
);

test.skipIf(SHARED_DATA === null)(
  "the pings of the 5G logs are those that the population quotes (needs ../shared/data)",
  async () => {
    const quantiles = async (file: string): Promise<number[]> => {
      const { rtt, durationMs } = await readTrace(path.join(SHARED_DATA!, "traces/ucc-5g-ireland", file));
      const sorted = rtt!.map(({ rttMs }) => rttMs).sort((a, b) => a - b);
      expect(rtt!.every(({ atMs }, at) => atMs >= (rtt![at - 1]?.atMs ?? 0) && atMs <= durationMs)).toBe(
        true,
      );
      return [0.1, 0.5, 0.9, 1].map((p) => sorted[Math.round(p * (sorted.length - 1))]!);
    };
    // "static 66/67/69, driving 79/82/125, max 262"
    expect((await quantiles("Static_B_2020.02.14_13.21.26.csv")).slice(0, 3)).toEqual([66, 67, 69]);
    expect(await quantiles("Driving_B_2019.12.16_12.27.05.csv")).toEqual([79, 82, 125, 262]);
  },
);
