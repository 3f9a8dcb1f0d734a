import { expect, test } from "vitest";
import { drawnScores } from "./fixture.ts";
import { calibrationError, fitTemperature, negativeLogLikelihood, verdictsOf } from "./temperature.ts";

test("the temperature that the scores were spoilt with is found, and makes confidence honest", () => {
  const temperatures = [0.4, 1, 2.5];
  const scores = drawnScores(20_000, temperatures, 1);
  for (const [exit, temperature] of temperatures.entries()) {
    const fitted = fitTemperature(scores, exit);
    expect(fitted / temperature).toBeGreaterThan(0.95);
    expect(fitted / temperature).toBeLessThan(1.05);
    expect(calibrationError(verdictsOf(scores, exit, fitted))).toBeLessThan(0.015);
    if (temperature !== 1) expect(calibrationError(verdictsOf(scores, exit, 1))).toBeGreaterThan(0.04);
  }
});

test("no temperature near the fitted one has a lower loss", () => {
  const scores = drawnScores(500, [1.7], 2);
  const fitted = fitTemperature(scores, 0);
  const least = negativeLogLikelihood(scores, 0, fitted);
  for (let logT = Math.log(0.1); logT <= Math.log(10); logT += 0.05) {
    expect(negativeLogLikelihood(scores, 0, Math.exp(logT))).toBeGreaterThanOrEqual(least - 1e-9);
  }
});

test("scores that float32 rounded to 0 do not spoil the fit", () => {
  const scores = {
    classes: 2,
    labels: Uint8Array.of(0, 1, 0, 1),
    scores: [Float32Array.of(1, 0, 0, 1, 1, 0, 1, 0)],
  };
  expect(Number.isFinite(negativeLogLikelihood(scores, 0, 1))).toBe(true);
  expect(fitTemperature(scores, 0)).toBeGreaterThan(5);
});

test("the calibration error is the mean gap between confidence and accuracy, bin by bin", () => {
  const right = [true, false, true, true];
  expect(calibrationError({ confidence: Float64Array.of(0.5, 0.5, 1, 1), right })).toBeCloseTo(0, 12);
  expect(calibrationError({ confidence: Float64Array.of(0.7, 0.7, 1, 1), right })).toBeCloseTo(0.1, 12);
  expect(calibrationError({ confidence: Float64Array.of(0.9, 0.3, 0.8, 0.8), right })).toBeCloseTo(0.2, 12);
});
