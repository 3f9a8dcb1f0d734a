import { expect, test } from "vitest";
import { EddiError } from "#shared/errors";
import { miniPhotos } from "./fixture.ts";
import { halves, reportedOnes } from "./halves.ts";
import type { LoadedPhotos } from "./pixels.ts";

const CLASSES = ["cat", "dog", "n01440764", "airplane"];
const names = CLASSES.flatMap((name) =>
  Array.from({ length: 1000 }, (_, photo) => `${name}/${String(photo).padStart(4, "0")}`),
);

test("about half of every class is reported on, by a hash that the photo's name alone decides", () => {
  const isReported = reportedOnes({ names });
  for (const [at] of CLASSES.entries()) {
    const share = isReported.slice(1000 * at, 1000 * (at + 1)).filter(Boolean).length / 1000;
    // Three standard deviations of a thousand coins.
    expect(Math.abs(share - 0.5)).toBeLessThan(3 * Math.sqrt(0.25 / 1000));
  }
  // Whatever stands beside it.
  const backwards = reportedOnes({ names: names.toReversed() });
  expect(backwards.toReversed()).toEqual(isReported);
  expect(reportedOnes({ names: names.slice(100, 140) })).toEqual(isReported.slice(100, 140));
});

test("these photos are in the halves that they have always been in", () => {
  const kept = [
    "n01440764/n01440764_10026",
    "n03888257/ILSVRC2012_val_00000293",
    "airplane/0000",
    "cat/0042",
  ];
  const isReported = reportedOnes({ names: [...kept, ...names.slice(0, 40)] });
  expect(isReported.slice(0, 4)).toEqual([true, true, false, false]);
});

test("every photo is in one half, with its pixels and its label", () => {
  const photos: LoadedPhotos = { ...miniPhotos(40, 2), skipped: 0, names: names.slice(0, 40) };
  const isReported = reportedOnes(photos);
  const { chosenOn, reportedOn } = halves(photos);
  expect(chosenOn.count + reportedOn.count).toBe(40);
  let [chosen, reported] = [0, 0];
  for (let photo = 0; photo < 40; photo++) {
    const [half, at] = isReported[photo] ? [reportedOn, reported++] : [chosenOn, chosen++];
    expect(half.labels[at]).toBe(photos.labels[photo]);
    expect(half.pixels.subarray(12 * at, 12 * at + 12)).toEqual(
      photos.pixels.subarray(12 * photo, 12 * photo + 12),
    );
  }
});

test("too few photos for two halves are refused, saying how many there are in each", () => {
  const few = { names: names.slice(0, 6) };
  expect(() => reportedOnes(few)).toThrow(EddiError);
  expect(() => reportedOnes(few)).toThrow(
    /^--data: expected at least 5 validation photos to choose on and 5 others to report on .*, got \d and \d of 6$/,
  );
});
