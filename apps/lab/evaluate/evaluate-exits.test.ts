import { expect, test } from "vitest";
import type { ExitPolicy } from "#shared/model";
import { fixtureModel } from "../../../shared/model/fixture.ts";
import { evaluateExits, hasStalePolicies, withAccuracies } from "./evaluate-exits.ts";
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
const results = evaluateExits(metadata.exits, scores);

test("accuracy is the share of photos whose largest score is the label's", () => {
  expect(results.map(({ correct, accuracy }) => [correct, accuracy])).toEqual([
    [6, 0.6],
    [7, 0.7],
    [8, 0.8],
  ]);
  for (const { low, high, accuracy } of results) expect(low < accuracy && accuracy < high).toBe(true);
});

test("policies stay with the same accuracies and go with others; temperatures stay", () => {
  const exits = metadata.exits.map((exit) => ({ ...exit, temperature: 0.5 }));
  const same = { ...metadata, exits, policies: [policy] };
  expect(hasStalePolicies(same, results)).toBe(false);
  expect(withAccuracies(same, results)).toEqual(same);
  const other = { ...same, exits: exits.map((exit) => ({ ...exit, accuracy: 0.5 })) };
  expect(hasStalePolicies(other, results)).toBe(true);
  expect(withAccuracies(other, results)).toEqual({ ...metadata, exits });
  expect(hasStalePolicies({ ...metadata, exits }, results)).toBe(false);
});
