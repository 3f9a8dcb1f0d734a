import path from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ModelInput } from "#shared/model";
import { temporaryFolder, writeMiniImagenette } from "../data/fixture.ts";
import { writeFiles } from "./fixture.ts";
import { findImages, noise } from "./images.ts";

let scratch: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  scratch = await temporaryFolder();
});
afterAll(() => scratch.remove());

const RGB: ModelInput = { node: "x", height: 4, width: 6, range: [-1, 1] };
const GREY: ModelInput = { ...RGB, channels: 1, range: [0, 255] };
const source = (dataOption?: string) => ({ dataOption, env: { XDG_CACHE_HOME: scratch.folder } });

const plain = (r: number, g: number, b: number): Promise<Buffer> =>
  sharp({ create: { width: 30, height: 50, channels: 3, background: { r, g, b } } })
    .png()
    .toBuffer();

test("photos of a folder and its folders, evenly, in the input's range, grey by their luma", async () => {
  const folder = path.join(scratch.folder, "photos");
  await writeFiles(folder, { "a.png": await plain(255, 0, 51), "notes.txt": "none" });
  await writeFiles(path.join(folder, "more"), {
    "b.png": await plain(10, 20, 30),
    "c.png": await plain(0, 0, 0),
  });
  const colour = await findImages(source(folder), RGB, 8);
  expect([colour.kind, colour.count]).toEqual(["3 photos of the user's folder", 3]);
  const values = colour.batch(0, 3);
  expect(values).toHaveLength(3 * 72);
  expect([...values.slice(0, 3)].map((value) => Number(value.toFixed(4)))).toEqual([1, -1, -0.6]);
  expect(values.slice(-3)).toEqual(Float32Array.of(-1, -1, -1));
  const grey = await findImages(source(folder), GREY, 2);
  expect(grey.count).toBe(2);
  const one = grey.batch(1, 1);
  expect(one).toHaveLength(24);
  expect(one.every((value) => Math.abs(value - (0.299 * 10 + 0.587 * 20 + 0.114 * 30)) < 1e-3)).toBe(true);
});

test("Imagenette where it is found, noise where nothing is, an error where something was named", async () => {
  const folder = path.join(scratch.folder, "imagenette2-160");
  await writeMiniImagenette(folder, 1);
  expect((await findImages(source(scratch.folder), RGB, 4)).kind).toMatch(/4 photos of/);
  const nothing = await findImages(source(), GREY, 5);
  expect(nothing.kind).toBe("5 images of noise");
  await expect(findImages(source(path.join(scratch.folder, "nowhere")), RGB, 4)).rejects.toThrow(
    /nowhere: expected/,
  );
});

test("noise is the same every time, whole or in parts, and within the range", () => {
  const whole = noise(GREY, 4).batch(0, 4);
  expect(noise(GREY, 9).batch(2, 2)).toEqual(whole.slice(48));
  expect(Math.min(...whole)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...whole)).toBeGreaterThan(200);
  expect(Math.max(...whole)).toBeLessThan(255);
});

test("photos that do not decode are left out and named; when none does it is an error", async () => {
  const folder = await writeFiles(path.join(scratch.folder, "bad"), { "bad.jpg": "no photo" });
  await expect(findImages(source(folder), RGB, 1)).rejects.toThrow(
    /bad\.jpg: expected a photo, .* nor does any/,
  );
  await writeFiles(folder, { "good.png": await plain(0, 0, 0), "._good.png": "macOS" });
  const { kind, count, leftOut, batch } = await findImages(source(folder), RGB, 8);
  expect([kind, count]).toEqual(["1 photo of the user's folder", 1]);
  expect(leftOut).toEqual([path.join(folder, "bad.jpg")]);
  expect(new Set(batch(0, 1))).toEqual(new Set([-1]));
});

test("photos know their folders, come in another range, and fewer of them evenly", async () => {
  const folder = path.join(scratch.folder, "classes");
  for (const [at, name] of ["cat", "dog"].entries()) {
    const files = Object.fromEntries(
      await Promise.all([0, 1].map(async (one) => [`${one}.png`, await plain(100 * at, one, 0)] as const)),
    );
    await writeFiles(path.join(folder, name), files);
  }
  const images = await findImages(source(folder), RGB, 8);
  expect(images.folders).toEqual(["cat", "cat", "dog", "dog"]);
  const two = images.some(2).inRange([0, 255]);
  expect([two.count, two.folders]).toEqual([2, ["cat", "dog"]]);
  expect([...two.batch(1, 1).slice(0, 3)]).toEqual([100, 0, 0]);
});
