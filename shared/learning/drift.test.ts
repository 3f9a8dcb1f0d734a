import { expect, test } from "vitest";
import { type Random, randomFor } from "#shared/random";
import { type Drift, drifted, NO_DRIFT, witnessed } from "./drift.ts";

/** Images one after the other, of which the exit is right about as many as its confidence says, less a shift. */
function visit(random: Random, images: number, shift: number, from = NO_DRIFT): readonly Drift[] {
  const states: Drift[] = [];
  let drift = from;
  for (let image = 0; image < images; image++) {
    const confidence = 0.3 + 0.65 * random();
    const odds = (confidence / (1 - confidence)) * Math.exp(-shift);
    drift = witnessed(drift, confidence, random() < odds / (1 + odds));
    states.push(drift);
  }
  return states;
}

test("where an exit knows what its confidence says, drift is seen in one visit of a hundred at most", () => {
  const visits = Array.from({ length: 400 }, (_, seed) => visit(randomFor(1, seed), 400, 0));
  const alarmed = visits.filter((states) => states.some(({ shift }) => shift > 0)).length;
  expect(alarmed / visits.length).toBeLessThanOrEqual(0.01 + 3 * Math.sqrt((0.01 * 0.99) / visits.length));
});

test("an exit that is sure and wrong is noticed within some dozens of images, and about as wrong as it is", () => {
  for (const shift of [1.5, 2.5, 4]) {
    const ends = Array.from(
      { length: 50 },
      (_, seed) => visit(randomFor(2, seed, shift), 150, shift).at(-1)!,
    );
    const noticed = ends.filter((end) => end.shift > 0);
    expect(noticed.length, `${shift}`).toBeGreaterThan(47);
    const mean = noticed.reduce((sum, end) => sum + end.shift, 0) / noticed.length;
    expect(Math.abs(mean - shift), `${shift}: ${mean}`).toBeLessThan(0.5);
    for (const { agreed, expected, count } of noticed) {
      expect(agreed).toBeLessThan(expected);
      expect(expected).toBeLessThan(count);
    }
  }
});

test("what has passed is forgotten: an exit that knows its images again is believed again", () => {
  const random = randomFor(3);
  const wrong = visit(random, 100, 3).at(-1)!;
  expect(wrong.shift).toBeGreaterThan(2);
  const again = visit(random, 400, 0, wrong);
  expect(again.at(-1)!.shift).toBe(0);
  expect(again.at(-1)!.count).toBeLessThan(200);
});

test("a confidence that is none tells nothing; what is taken off keeps it within 0 and 1, and its order", () => {
  expect(witnessed(NO_DRIFT, Number.NaN, false)).toBe(NO_DRIFT);
  // Certain and wrong, ever again: finite all the same.
  let drift = NO_DRIFT;
  for (let image = 0; image < 10_000; image++) drift = witnessed(drift, 1, false);
  expect(drift.shift).toBeGreaterThan(4);
  expect(drift.evidence.every(Number.isFinite)).toBe(true);
  const steps = [0, 0.1, 0.5, 0.9, 0.99, 1];
  const lowered = steps.map((confidence) => drifted(confidence, drift));
  expect(lowered).toEqual(lowered.toSorted((a, b) => a - b));
  for (const [at, confidence] of steps.entries()) expect(lowered[at]).toBeLessThanOrEqual(confidence);
  expect(lowered.at(-1)).toBe(1);
  expect(drifted(0.8, NO_DRIFT)).toBe(0.8);
});
