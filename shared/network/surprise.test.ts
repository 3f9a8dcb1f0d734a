import { expect, test } from "vitest";
import { type Random, randomFrom } from "#shared/random";
import { forgiven, NO_SURPRISE, type Surprise, stretched, surprised, type WayReport } from "./surprise.ts";

/** Of times with a median of 100 ms, whose spread is believed to be 10 ms. */
const EXPECTED_MS = 100;
const SD_MS = 10;
const Z95 = 1.645;

const KINDS: Readonly<Record<string, (random: Random, at: number) => number>> = {
  "as foretold": (random) => EXPECTED_MS + SD_MS * normal(random),
  "four times as scattered": (random) => EXPECTED_MS + 4 * SD_MS * normal(random),
  "a third as scattered": (random) => EXPECTED_MS + (SD_MS / 3) * normal(random),
  "stalled now and then": (random) => (random() < 0.08 ? 2500 : EXPECTED_MS + SD_MS * normal(random)),
  "with a long tail": (random) => EXPECTED_MS - SD_MS * 2 * Math.log(1 - random()),
  "worse and worse": (random, at) => EXPECTED_MS + (1 + at / 100) * SD_MS * normal(random),
  "bad by turns": (random, at) => EXPECTED_MS + (at % 200 < 100 ? 1 : 5) * SD_MS * normal(random),
};

for (const by of ["cloud", "edge"] as const) {
  for (const [kind, time] of Object.entries(KINDS)) {
    // An edge never stalls, nor scatters without limit.
    if (by === "edge" && kind === "stalled now and then") continue;
    test(`answers of the ${by} that are ${kind} exceed their 95 % quantile by 5 % after the first 30`, () => {
      const { exceeded } = followed(by, time, 600, () => Number.POSITIVE_INFINITY);
      expect(exceeded).toBeGreaterThan(0.04);
      expect(exceeded).toBeLessThan(0.06);
    });
  }
}

test("where nobody waits longer than a budget the quantile neither collapses nor runs away", () => {
  for (const kind of ["as foretold", "four times as scattered", "stalled now and then"]) {
    const { exceeded } = followed("cloud", KINDS[kind]!, 1500, () => EXPECTED_MS + 1.5 * SD_MS);
    expect(exceeded, kind).toBeGreaterThan(0.005);
    expect(exceeded, kind).toBeLessThan(0.15);
  }
});

test("the core is what planning may count on: stalls are told apart, by their share", () => {
  const { last } = followed("cloud", KINDS["stalled now and then"]!, 600, () => Number.POSITIVE_INFINITY);
  expect(last.core).toBeGreaterThan(0.6);
  expect(last.core).toBeLessThan(1.6);
  expect(last.late).toBeGreaterThan(0.04);
  expect(last.late).toBeLessThan(0.14);
  const { last: quiet } = followed("cloud", KINDS["as foretold"]!, 600, () => Number.POSITIVE_INFINITY);
  expect(quiet.late).toBeLessThan(0.01);
  const { last: wide } = followed(
    "cloud",
    KINDS["four times as scattered"]!,
    600,
    () => Number.POSITIVE_INFINITY,
  );
  expect(wide.core).toBeGreaterThan(2.8);
  expect(wide.core).toBeLessThan(5);
});

test("requests that take longer than the medians say stretch these until means come out", () => {
  const random = randomFrom(3);
  let known = NO_SURPRISE;
  let [foretold, taken] = [0, 0];
  for (let at = 0; at < 3000; at++) {
    const ms = EXPECTED_MS * Math.exp(0.6 * normal(random));
    const expectedMs = known.stretch * EXPECTED_MS;
    known = surprised(stretched(known, ms / expectedMs), report("cloud", known, ms, true));
    if (at < 100) continue;
    foretold += expectedMs;
    taken += ms;
  }
  expect(foretold / taken).toBeGreaterThan(0.95);
  expect(foretold / taken).toBeLessThan(1.05);
});

test("what was late long ago is forgiven, by half each time, what is fresh is not", () => {
  const late: Surprise = { ...NO_SURPRISE, late: 0.2, stretch: 2, count: 9, atMs: 1000 };
  expect(forgiven(late, 999, 20_000)).toBe(late);
  const once = forgiven(late, 5000, 20_000);
  expect(once.late).toBeCloseTo(0.102, 10);
  expect(once.stretch).toBeCloseTo(Math.SQRT2, 10);
  expect(forgiven(once, 5000, 21_000)).toBe(once);
  expect(forgiven(NO_SURPRISE, 5000, 20_000)).toBe(NO_SURPRISE);
});

test("nothing is learnt where no spread was foretold", () => {
  const certain = { ...report("cloud", NO_SURPRISE, 500, true), sdMs: 0 };
  expect(surprised(NO_SURPRISE, certain)).toBe(NO_SURPRISE);
});

/** @param waitsMs whoever waits longer gives up */
function followed(
  by: WayReport["by"],
  time: (random: Random, at: number) => number,
  answers: number,
  waitsMs: () => number,
): { readonly exceeded: number; readonly last: Surprise } {
  const random = randomFrom(7);
  let known = NO_SURPRISE;
  let exceeded = 0;
  for (let at = 0; at < answers; at++) {
    const ms = time(random, at);
    const isThere = ms <= waitsMs();
    const way = report(by, known, Math.min(ms, waitsMs()), isThere);
    if (at >= 30 && ms > way.p95Ms) exceeded++;
    known = surprised(known, way);
  }
  return { exceeded: exceeded / (answers - 30), last: known };
}

function report(by: WayReport["by"], known: Surprise, ms: number, isThere: boolean): WayReport {
  const sdMs = SD_MS * (by === "edge" ? known.edge : known.core);
  const p95Ms = EXPECTED_MS + Z95 * sdMs * (by === "edge" ? 1 : known.tail);
  return { kind: "way", by, atMs: 0, expectedMs: EXPECTED_MS, sdMs, p95Ms, ms, isThere };
}

function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
