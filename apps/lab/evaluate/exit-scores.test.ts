import "@tensorflow/tfjs-backend-cpu";
import { readdir } from "node:fs/promises";
import { memory, setBackend } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { miniPhotos, temporaryFolder } from "../data/fixture.ts";
import { openModelFolder } from "../files/model-folder.ts";
import { cachedExitScores, exitScores } from "./exit-scores.ts";

let temporary: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  await setBackend("cpu");
  temporary = await temporaryFolder();
});
afterAll(() => temporary.remove());

test("scores come from the cache the second time, and are the same; other photos are measured", async () => {
  const segments = await openModelFolder("models/tiny");
  const photos = miniPhotos(40, 16);
  const { numTensors } = memory();
  const measured = await exitScores(segments, photos);
  expect(memory().numTensors).toBe(numTensors);
  expect(measured.scores).toHaveLength(segments.model.metadata.exits.length);
  for (const scores of measured.scores) {
    for (let photo = 0; photo < 40; photo++) {
      const row = scores.subarray(10 * photo, 10 * photo + 10);
      expect(row.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
    }
  }
  const options = { cacheDir: temporary.folder, backend: "cpu" };
  const run = vi.spyOn(segments, "run");
  expect(await cachedExitScores(segments, photos, options)).toEqual(measured);
  expect(run).toHaveBeenCalledTimes(2);
  expect(await cachedExitScores(segments, photos, options)).toEqual(measured);
  expect(run).toHaveBeenCalledTimes(2);
  await cachedExitScores(segments, miniPhotos(30, 16), options);
  expect(run).toHaveBeenCalledTimes(3);
  expect(await readdir(temporary.folder)).toHaveLength(2);
});
