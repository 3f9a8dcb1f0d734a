import { execFile } from "node:child_process";
import { readdir, readFile, truncate, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { temporaryFolder } from "../data/fixture.ts";
import { BASE_RECIPE } from "./architectures/recipe.ts";
import { type Checkpoint, loadCheckpoint, saveCheckpoint } from "./checkpoint.ts";

const run = promisify(execFile);

const checkpoint: Checkpoint = {
  architecture: "tiny",
  recipe: { ...BASE_RECIPE, phases: [{ share: 1, size: 32, leastCrop: 0.5 }] },
  labels: ["a", "b"],
  photos: 40,
  epoch: 2,
  step: 3,
  history: [
    { epoch: 0, loss: 2.3, accuracy: [0.1, 0.25] },
    { epoch: 1, loss: 2.1, accuracy: null },
  ],
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

test("the best model has a file of its own", async () => {
  const folder = path.join(scratch.folder, "best");
  await saveCheckpoint(folder, checkpoint, "best");
  expect(await loadCheckpoint(folder)).toBeNull();
  expect(await loadCheckpoint(folder, "best")).toEqual(checkpoint);
});

test("a full disk is an error, and leaves the checkpoint before it and nothing half-written", async () => {
  const folder = path.join(scratch.folder, "full");
  await saveCheckpoint(folder, checkpoint);
  const script = `
    import { saveCheckpoint } from ${JSON.stringify(new URL("checkpoint.ts", import.meta.url).href)};
    const values = new Float32Array(100_000);
    const checkpoint = { tensors: [{ name: "kernel", shape: [values.length], values }] };
    await saveCheckpoint(process.argv[1], checkpoint).catch(({ code, message }) => console.log(code, message));`;
  // A limit on the size of files stands in for the disk's: 64 blocks of 1 KiB.
  const limited = `trap '' XFSZ; ulimit -f 64; exec "$0" --import tsx --input-type=module -e "$1" "$2"`;
  const { stdout } = await run("bash", ["-c", limited, process.execPath, script, folder]);
  expect(stdout).toMatch(/^unavailable .*last\.ckpt: the checkpoint cannot be written \(EFBIG/);
  expect(await loadCheckpoint(folder)).toEqual(checkpoint);
  expect(await readdir(folder)).toEqual(["last.ckpt"]);
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
