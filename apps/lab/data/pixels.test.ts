import { rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { temporaryFolder, writeMiniImagenette } from "./fixture.ts";
import { IMAGENETTE_CLASSES, listPhotos } from "./imagenette.ts";
import { loadPhotos, PHOTO_SIZE } from "./pixels.ts";

let scratch: Awaited<ReturnType<typeof temporaryFolder>>;
let data: string;
let cacheDir: string;

beforeAll(async () => {
  scratch = await temporaryFolder();
  data = path.join(scratch.folder, "imagenette2-160");
  cacheDir = path.join(scratch.folder, "cache");
  await writeMiniImagenette(data, 2);
});
afterAll(() => scratch.remove());

test("photos are listed class by class in the order of the labels", async () => {
  const photos = await listPhotos(data, "train");
  expect(photos.map(({ label }) => label)).toEqual(IMAGENETTE_CLASSES.flatMap((_, label) => [label, label]));
  expect(path.basename(photos[0]?.path ?? "")).toBe("n01440764_0.JPEG");
});

test("photos of any shape are decoded to squares of RGB, the second time from the cache", async () => {
  let decoded = 0;
  const onProgress = () => decoded++;
  const first = await loadPhotos(data, "val", { cacheDir, onProgress });
  expect(decoded).toBe(20);
  expect(first).toMatchObject({ count: 20, size: PHOTO_SIZE });
  expect(first.pixels.length).toBe(20 * PHOTO_SIZE ** 2 * 3);
  const [r = 0, g = 0] = first.pixels.subarray(3 * PHOTO_SIZE ** 2 * 3);
  expect(Math.abs(r - 25)).toBeLessThan(4);
  expect(Math.abs(g - 230)).toBeLessThan(4);
  const second = await loadPhotos(data, "val", { cacheDir, onProgress });
  expect(decoded).toBe(20);
  expect(Buffer.compare(first.pixels, second.pixels)).toBe(0);
});

test("a missing class folder is named", async () => {
  const folder = path.join(scratch.folder, "partial");
  await writeMiniImagenette(folder, 1);
  await rm(path.join(folder, "train", "n03028079"), { recursive: true });
  await expect(listPhotos(folder, "train")).rejects.toMatchObject({
    code: "not-found",
    message: expect.stringContaining("n03028079"),
  });
});

test("a photo that does not decode is named", async () => {
  const folder = path.join(scratch.folder, "damaged");
  await writeMiniImagenette(folder, 1);
  const broken = path.join(folder, "train", "n03394916", "broken.JPEG");
  await writeFile(broken, "no photo");
  await expect(loadPhotos(folder, "train", { cacheDir })).rejects.toMatchObject({
    code: "bad-image",
    message: expect.stringContaining(broken),
  });
});
