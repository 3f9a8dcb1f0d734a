import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, symlink, utimes, writeFile } from "node:fs/promises";
import path from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DataSet } from "./data-set.ts";
import { notes, temporaryFolder, writeImages, writeMiniImagenette } from "./fixture.ts";
import { openImageFolder } from "./image-folder.ts";
import { IMAGENETTE_CLASSES, imagenette } from "./imagenette.ts";
import { keepPixels } from "./pixel-cache.ts";
import { loadSplit, packLabels } from "./pixels.ts";

const SIZE = 160;

let scratch: Awaited<ReturnType<typeof temporaryFolder>>;
let data: DataSet;
let cacheDir: string;
let next = 0;
const newFolder = (): string => path.join(scratch.folder, `folder-${next++}`);

beforeAll(async () => {
  scratch = await temporaryFolder();
  const folder = path.join(scratch.folder, "imagenette2-160");
  cacheDir = path.join(scratch.folder, "cache");
  await writeMiniImagenette(folder, 2);
  data = (await imagenette.open(folder))!;
});
afterAll(() => scratch.remove());

test("photos of any shape are decoded to squares of RGB, the second time from the cache", async () => {
  const { status, updates } = notes();
  const first = await loadSplit(data, "validation", { cacheDir, status });
  expect(updates.at(-1)).toBe("decoding photos: 20 of 20");
  expect(updates).toHaveLength(20);
  expect(first).toMatchObject({ count: 20, size: SIZE, skipped: 0 });
  expect([...first.labels]).toEqual(IMAGENETTE_CLASSES.flatMap((_, label) => [label, label]));
  expect(first.pixels.length).toBe(20 * SIZE ** 2 * 3);
  const [r = 0, g = 0] = first.pixels.subarray(3 * SIZE ** 2 * 3);
  expect(Math.abs(r - 25)).toBeLessThan(4);
  expect(Math.abs(g - 230)).toBeLessThan(4);
  const second = await loadSplit(data, "validation", { cacheDir, status });
  expect(updates).toHaveLength(20);
  expect(Buffer.compare(first.pixels, second.pixels)).toBe(0);
});

test("grey, transparent, palette and turned images of every kind come as a browser shows them", async () => {
  const folder = newFolder();
  await writeImages(folder, { "red/z": 1, "grey/z": 1 });
  const raw = { width: 8, height: 4, channels: 3 } as const;
  // Left half red, right half blue; stored so that it has to be turned by 90 degrees.
  const halves = Buffer.from(
    Array.from({ length: 32 }, (_, at) => (at % 8 < 4 ? [255, 0, 0] : [0, 0, 255])).flat(),
  );
  const place = (name: string) => path.join(folder, name);
  await sharp(halves, { raw })
    .withMetadata({ orientation: 6 })
    .jpeg({ quality: 100 })
    .toFile(place("red/b.JPG"));
  await sharp(halves, { raw }).webp({ lossless: true }).toFile(place("red/c.webp"));
  const grey = sharp({ create: { width: 9, height: 5, channels: 3, background: "#808080" } });
  await grey.clone().greyscale().png().toFile(place("grey/b.png"));
  await grey.clone().ensureAlpha().png({ palette: true }).toFile(place("grey/c.png"));
  const set = (await openImageFolder(folder))!;
  const photos = await loadSplit(set, "train", { cacheDir, status: notes().status });
  const names = (set.splits.train.files as readonly { path: string }[]).map((file) =>
    path.basename(file.path),
  );
  const pixel = (name: string, y: number, x: number): number[] => {
    const at = (names.indexOf(name) * SIZE * SIZE + y * SIZE + x) * 3;
    return [...photos.pixels.subarray(at, at + 3)];
  };
  const near = (came: number[], wanted: number[]) => {
    for (const [i, value] of came.entries()) expect(Math.abs(value - wanted[i]!), `${came}`).toBeLessThan(12);
  };
  near(pixel("b.JPG", 4, 80), [255, 0, 0]);
  near(pixel("b.JPG", 155, 80), [0, 0, 255]);
  near(pixel("c.webp", 80, 4), [255, 0, 0]);
  near(pixel("c.webp", 80, 155), [0, 0, 255]);
  expect(pixel("b.png", 80, 80)).toEqual([128, 128, 128]);
  expect(pixel("c.png", 80, 80)).toEqual([128, 128, 128]);
});

test("images that do not decode are left out, named once, and tried again when they may be mended", async () => {
  const folder = newFolder();
  await writeImages(folder, { "cat/a": 12, "dog/a": 12 });
  const broken = path.join(folder, "cat", "a03.jpg");
  const whole = await readFile(broken);
  const mended = path.join(folder, "dog", "a00.jpg");
  await writeFile(broken, whole.subarray(0, whole.length / 2));
  await writeFile(mended, Buffer.alloc(whole.length, "no photo"));
  const time = new Date();
  await utimes(mended, time, time);
  const set = (await openImageFolder(folder))!;
  const first = notes();
  const photos = await loadSplit(set, "train", { cacheDir, status: first.status });
  expect(photos).toMatchObject({ count: 20, skipped: 2 });
  expect([...photos.labels]).toEqual([...Array(10).fill(0), ...Array(10).fill(1)]);
  // Every tenth is for validation, and one of each class cannot be read.
  expect(photos.names).toHaveLength(20);
  expect([photos.names[3], photos.names[10]]).toEqual(["cat/a04", "dog/a01"]);
  expect(first.lines).toHaveLength(1);
  expect(first.lines[0]).toMatch(
    /^skipped 2 photos of 22 that cannot be read: .*a03\.jpg \(.*, .*a00\.jpg \(/,
  );
  // The gap is closed: the photo after it stands where it stood.
  const others = await loadSplit(set, "validation", { cacheDir, status: first.status });
  expect(others).toMatchObject({ count: 2, skipped: 0 });
  const each = SIZE * SIZE * 3;
  const a04 = sharp(await readFile(path.join(folder, "cat", "a04.jpg"))).resize(SIZE, SIZE, { fit: "fill" });
  expect(Buffer.compare(photos.pixels.subarray(3 * each, 4 * each), await a04.raw().toBuffer())).toBe(0);

  const second = notes();
  const again = await loadSplit(set, "train", { cacheDir, status: second.status });
  expect(Buffer.compare(again.pixels, photos.pixels)).toBe(0);
  expect([again.skipped, again.labels]).toEqual([2, photos.labels]);
  expect(second.updates).toEqual(["decoding photos: 1 of 2", "decoding photos: 2 of 2"]);
  expect(second.lines).toEqual(first.lines.slice(0, 1));

  // Another content of the same length and time: the cache does not see that it changed.
  const good = await readFile(path.join(folder, "dog", "a01.jpg"));
  expect(good.length).toBeLessThanOrEqual(whole.length);
  await writeFile(mended, Buffer.concat([good, Buffer.alloc(whole.length - good.length)]));
  await utimes(mended, time, time);
  const third = notes();
  expect(await loadSplit(set, "train", { cacheDir, status: third.status })).toMatchObject({
    count: 21,
    skipped: 1,
  });
});

test("a class of which no image decodes is an error that names it", async () => {
  const folder = newFolder();
  await writeImages(folder, { "cat/a": 3, "dog/a": 3 });
  for (const name of await readdir(path.join(folder, "dog"))) {
    await writeFile(path.join(folder, "dog", name), "no photo");
  }
  const set = (await openImageFolder(folder))!;
  await expect(loadSplit(set, "train", { cacheDir, status: notes().status })).rejects.toMatchObject({
    code: "bad-image",
    message: expect.stringMatching(/dog: expected a readable photo of "dog", none of 2 decodes \(a00\.jpg: /),
  });
});

test("where the cache cannot be written photos are loaded all the same, and a note says so", async () => {
  const folder = newFolder();
  await writeImages(folder, { "cat/a": 3, "dog/a": 3 });
  const set = (await openImageFolder(folder))!;
  const file = path.join(scratch.folder, "a-file");
  await writeFile(file, "in the way");
  const { status, lines } = notes();
  const photos = await loadSplit(set, "train", { cacheDir: path.join(file, "cache"), status });
  expect(photos).toMatchObject({ count: 4, skipped: 0 });
  expect(lines).toEqual([expect.stringMatching(/^decoded photos are not kept for the next time: .*ENOTDIR/)]);
});

test.skipIf(!existsSync("/dev/full"))("a full disk leaves no half-written cache file", async () => {
  const folder = newFolder();
  await mkdir(folder);
  const file = path.join(folder, "pixels.bin");
  await symlink("/dev/full", `${file}.${process.pid}.part`);
  expect(await keepPixels(file, new Uint8Array(1e6), 10, [])).toMatch(/ENOSPC/);
  expect(await readdir(folder)).toEqual([]);
});

test("a cache file of another length is written anew", async () => {
  const own = path.join(scratch.folder, "own-cache");
  const { status, updates } = notes();
  const first = await loadSplit(data, "validation", { cacheDir: own, status });
  const [name] = await readdir(own);
  await writeFile(path.join(own, name!), first.pixels.subarray(0, 1000));
  const second = await loadSplit(data, "validation", { cacheDir: own, status });
  expect(Buffer.compare(second.pixels, first.pixels)).toBe(0);
  expect(updates).toHaveLength(40);
  expect((await readFile(path.join(own, name!))).length).toBe(first.pixels.length);
});

test("labels take 16 bits where there are more than 256 classes", () => {
  expect(packLabels([0, 255], 256)).toEqual(Uint8Array.of(0, 255));
  expect(packLabels([0, 256], 257)).toEqual(Uint16Array.of(0, 256));
});
