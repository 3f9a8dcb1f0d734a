import { mkdir, rm } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { clothing } from "./clothing.ts";
import { cacheDir } from "./find-data.ts";
import { notes, temporaryFolder, writeImages } from "./fixture.ts";
import { getDataSet } from "./get-data-set.ts";
import { halves } from "./halves.ts";
import { loadSplit } from "./pixels.ts";

const FOLDERS = [
  "dress",
  "hat",
  "longsleeve",
  "outwear",
  "pants",
  "shirt",
  "shoes",
  "shorts",
  "skirt",
  "t-shirt",
];
const COUNTS = { train: 3, validation: 1, test: 2 };

let scratch: Awaited<ReturnType<typeof temporaryFolder>>;
let folder: string;
const { status } = notes();

beforeAll(async () => {
  scratch = await temporaryFolder();
  folder = path.join(scratch.folder, "clothing-288");
  for (const [split, count] of Object.entries(COUNTS)) {
    await writeImages(
      path.join(folder, split),
      Object.fromEntries(FOLDERS.map((name) => [`${name}/a`, count])),
    );
  }
});
afterAll(() => scratch.remove());

test("what is chosen is chosen on its validation photos, what is reported is of its test photos", async () => {
  const set = (await clothing.open(folder))!;
  const options = { cacheDir: cacheDir({ XDG_CACHE_HOME: scratch.folder }), status };
  const photos = await loadSplit(set, "validation", options);
  expect(photos.count).toBe(30);
  expect([...photos.labels]).toEqual([...photos.labels].sort((a, b) => a - b));
  const { chosenOn, reportedOn } = halves(photos);
  expect([...chosenOn.labels]).toEqual(FOLDERS.map((_, label) => label));
  expect([...reportedOn.labels]).toEqual(FOLDERS.flatMap((_, label) => [label, label]));
  expect(await loadSplit(set, "train", options)).toMatchObject({ count: 30, size: 288 });
});

test("a set that is not whole names what is missing, another layout is none", async () => {
  const other = path.join(scratch.folder, "other");
  await mkdir(path.join(other, "train", "dress"), { recursive: true });
  expect(await clothing.open(other)).toBeNull();
  await rm(path.join(folder, "test", "hat"), { recursive: true });
  await expect(clothing.open(folder)).rejects.toMatchObject({
    code: "not-found",
    message: expect.stringMatching(/test\/hat: no such folder$/),
  });
});

test("it has no archive with a published hash: how to get it is told", async () => {
  await expect(
    getDataSet({ dir: path.join(scratch.folder, "none"), set: clothing, status }),
  ).rejects.toMatchObject({
    code: "bad-argument",
    message: expect.stringMatching(
      /got the Clothing dataset: get it from https:.*clothing-dataset-small and name/,
    ),
  });
});
