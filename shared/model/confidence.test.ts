import { expect, test } from "vitest";
import { calibrated, confidence } from "./confidence.ts";

const scores = [0.7, 0.2, 0.1, 0];

test("temperature 1 leaves the largest probability, others are softmax(ln p / T)", () => {
  expect(confidence(scores, 1)).toBeCloseTo(0.7, 12);
  for (const temperature of [0.1, 0.5, 2, 10]) {
    const scaled = scores.map((p) => Math.exp(Math.log(p) / temperature));
    const expected = scaled[0]! / scaled.reduce((a, b) => a + b);
    expect(confidence(scores, temperature)).toBeCloseTo(expected, 12);
  }
});

test("a higher temperature is less sure, down to chance; certainty stays certain", () => {
  const rising = [0.1, 1, 3, 10].map((temperature) => confidence(Float32Array.from(scores), temperature));
  expect(rising.toSorted((a, b) => b - a)).toEqual(rising);
  expect(confidence([0.4, 0.35, 0.25], 1e9)).toBeCloseTo(1 / 3, 6);
  for (const temperature of [0.1, 1, 10]) expect(confidence([0, 1, 0], temperature)).toBe(1);
});

test("what is no number passes no threshold", () => {
  expect(confidence([Number.NaN, 0.5], 1)).toBeNaN();
  expect(confidence([0, 0], 1)).toBeNaN();
});

test("calibrated probabilities keep their order, sum to 1, and the largest is the confidence", () => {
  for (const temperature of [0.3, 1, 2.5]) {
    const probabilities = calibrated(Float32Array.from(scores), temperature);
    expect(Math.max(...probabilities)).toBeCloseTo(confidence(Float32Array.from(scores), temperature), 12);
    expect(probabilities.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
    expect(probabilities.toSorted((a, b) => b - a)).toEqual(probabilities);
  }
  for (const [at, probability] of calibrated(scores, 1).entries()) {
    expect(probability).toBeCloseTo(scores[at]!, 12);
  }
});
