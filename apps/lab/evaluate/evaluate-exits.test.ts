import { expect, test } from "vitest";
import type { ExitPolicy } from "#shared/model";
import { fixtureModel } from "../../../shared/model/fixture.ts";
import {
  evaluateExits,
  evaluateHalves,
  hasStalePolicies,
  pairedGain,
  withAccuracies,
} from "./evaluate-exits.ts";
import type { ExitScores } from "./exit-scores.ts";

const { metadata } = fixtureModel();
const policy: ExitPolicy = {
  exit: "full",
  early: [{ exit: "early", threshold: 0.8 }],
  reach: [0.5],
  accuracy: 0.8,
};
const photos = 10;
/** An exit is right on its first photos. */
const scores: ExitScores = {
  classes: 2,
  labels: new Uint8Array(photos),
  scores: [6, 7, 8].map((right) =>
    Float32Array.from({ length: 2 * photos }, (_, at) => (at >> 1 < right === (at % 2 === 0) ? 0.9 : 0.1)),
  ),
};
/** Every other photo. */
const isReported = Array.from({ length: photos }, (_, photo) => photo % 2 === 0);
const halved = evaluateHalves(metadata.exits, scores, isReported);

test("accuracy is the share of photos whose largest score is the label's", () => {
  const results = evaluateExits(metadata.exits, scores);
  expect(results.map(({ correct, accuracy }) => [correct, accuracy])).toEqual([
    [6, 0.6],
    [7, 0.7],
    [8, 0.8],
  ]);
  for (const { low, high, accuracy } of results) expect(low < accuracy && accuracy < high).toBe(true);
});

test("each half's accuracy is of its photos alone, and both are all", () => {
  expect(halved.map(({ reported, chosen }) => [reported.correct, chosen.correct])).toEqual([
    [3, 3],
    [4, 3],
    [4, 4],
  ]);
  for (const { reported, chosen, all } of halved) {
    expect(reported.correct + chosen.correct).toBe(all.correct);
    expect([reported.photos, chosen.photos, all.photos]).toEqual([5, 5, 10]);
  }
});

test("an exit's gain over the one before is that of the photos on which they differ", () => {
  expect(halved.map(({ gain }) => gain?.gain)).toEqual([undefined, 0.2, 0]);
  expect(halved[2]!.gain).toEqual({ gain: 0, low: 0, high: 0 });
  // One of ten is right now: the variance is 0.1 - 0.1 ** 2.
  const { gain, low, high } = pairedGain(scores, 0, 1);
  expect(gain).toBeCloseTo(0.1, 12);
  expect(high - gain).toBeCloseTo(1.959964 * Math.sqrt(0.09 / 10), 12);
  expect(gain - low).toBeCloseTo(high - gain, 12);
});

test("policies stay with the same accuracies and go with others; temperatures stay", () => {
  const exits = metadata.exits.map((exit, at) => ({
    ...exit,
    temperature: 0.5,
    accuracy: halved[at]!.reported.accuracy,
    chosen: halved[at]!.chosen.accuracy,
  }));
  const same = { ...metadata, exits, policies: [policy] };
  expect(hasStalePolicies(same, halved)).toBe(false);
  expect(withAccuracies(same, halved)).toEqual(same);
  const other = { ...same, exits: exits.map((exit) => ({ ...exit, accuracy: 0.5 })) };
  expect(hasStalePolicies(other, halved)).toBe(true);
  expect(withAccuracies(other, halved)).toEqual({ ...metadata, exits });
  expect(hasStalePolicies({ ...metadata, exits }, halved)).toBe(false);
});
