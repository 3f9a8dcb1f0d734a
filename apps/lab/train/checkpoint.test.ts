import { readFile, truncate, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { temporaryFolder } from "../data/fixture.ts";
import { type Checkpoint, loadCheckpoint, saveCheckpoint } from "./checkpoint.ts";
import { DEFAULT_RECIPE } from "./recipe.ts";

const checkpoint: Checkpoint = {
  architecture: "tiny",
  recipe: DEFAULT_RECIPE,
  photos: 40,
  epoch: 2,
  step: 3,
  history: [{ epoch: 0, loss: 2.3, accuracy: [0.1, 0.25], photos: 1000 }],
  tensors: [
    { name: "é/kernel", shape: [2, 3], values: Float32Array.of(1, -2, 3e-30, Number.MAX_VALUE, 0, 0.1) },
    { name: "scalar", shape: [], values: Float32Array.of(7) },
    { name: "empty", shape: [0, 4], values: new Float32Array() },
  ],
};

let scratch: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  scratch = await temporaryFolder();
});
afterAll(() => scratch.remove());

test("what is saved is read back, and the last save wins", async () => {
  const folder = path.join(scratch.folder, "a", "b");
  expect(await loadCheckpoint(folder)).toBeNull();
  await saveCheckpoint(folder, checkpoint);
  expect(await loadCheckpoint(folder)).toEqual(checkpoint);
  await saveCheckpoint(folder, { ...checkpoint, step: 4 });
  expect(await loadCheckpoint(folder)).toMatchObject({ step: 4 });
});

test("a kill while writing leaves the checkpoint before it", async () => {
  const folder = path.join(scratch.folder, "killed");
  await saveCheckpoint(folder, checkpoint);
  await writeFile(path.join(folder, "last.ckpt.part"), "half a check");
  expect(await loadCheckpoint(folder)).toEqual(checkpoint);
});

test("a damaged file is an error, wherever it was cut", async () => {
  const folder = path.join(scratch.folder, "damaged");
  await saveCheckpoint(folder, checkpoint);
  const file = path.join(folder, "last.ckpt");
  const { length } = await readFile(file);
  for (const bytes of [length - 1, length - 9, 100, 10, 3, 0]) {
    await truncate(file, bytes);
    const loaded = loadCheckpoint(folder);
    await expect(loaded).rejects.toMatchObject({
      code: "bad-weights",
      message: expect.stringContaining(file),
    });
  }
});
