import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { create } from "tar";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cacheDir, findPhotoFolder } from "./find-data.ts";
import { temporaryFolder, writeImages, writeMiniImagenette } from "./fixture.ts";

let scratch: Awaited<ReturnType<typeof temporaryFolder>>;
let data: string;
let archive: string;
let env: Record<string, string>;

beforeAll(async () => {
  scratch = await temporaryFolder();
  data = path.join(scratch.folder, "imagenette2-160");
  await writeMiniImagenette(data, 1);
  archive = path.join(scratch.folder, "shared", "imagenette", "imagenette2-160.tar.gz");
  await mkdir(path.dirname(archive), { recursive: true });
  await create({ gzip: true, file: archive, cwd: scratch.folder }, ["imagenette2-160"]);
  env = { XDG_CACHE_HOME: path.join(scratch.folder, "cache") };
});
afterAll(() => scratch.remove());

test("the data set's folder and the folder above it are both found", async () => {
  expect(await findPhotoFolder({ dataOption: data, env })).toBe(data);
  expect(await findPhotoFolder({ dataOption: scratch.folder, env })).toBe(data);
});

test("an archive, or a folder that holds it, is unpacked once", async () => {
  const folder = await findPhotoFolder({ dataOption: archive, env });
  expect(await readdir(folder ?? "")).toEqual(["train", "val"]);
  expect(await findPhotoFolder({ dataOption: path.join(scratch.folder, "shared"), env })).toBe(folder);
  expect(await readdir(cacheDir(env))).toHaveLength(1);
});

test("--data goes before EDDI_DATA, which goes before what was downloaded", async () => {
  const fresh = { XDG_CACHE_HOME: path.join(scratch.folder, "fresh") };
  expect(await findPhotoFolder({ dataOption: undefined, env: fresh })).toBeNull();
  const downloaded = path.join(cacheDir(fresh), "imagenette2-160");
  await writeMiniImagenette(downloaded, 1);
  expect(await findPhotoFolder({ dataOption: undefined, env: fresh })).toBe(downloaded);
  const named = { ...fresh, EDDI_DATA: data };
  expect(await findPhotoFolder({ dataOption: undefined, env: named })).toBe(data);
  expect(await findPhotoFolder({ dataOption: downloaded, env: named })).toBe(downloaded);
});

test("an image folder has photos for the page where it has a split of its own", async () => {
  const folder = path.join(scratch.folder, "photos");
  await writeImages(folder, { "train/cat/a": 1, "train/dog/a": 1, "val/cat/a": 1, "val/dog/a": 1 });
  expect(await findPhotoFolder({ dataOption: folder, env })).toBe(folder);
  const found = findPhotoFolder({ dataOption: path.join(folder, "train"), env });
  await expect(found).rejects.toMatchObject({ code: "not-found" });
});

test("a place without Imagenette is an error that says what was expected", async () => {
  const empty = path.join(scratch.folder, "empty");
  await mkdir(empty);
  for (const dataOption of [empty, path.join(scratch.folder, "absent")]) {
    const found = findPhotoFolder({ dataOption, env });
    await expect(found).rejects.toMatchObject({
      code: "not-found",
      message: expect.stringContaining(dataOption),
    });
  }
});

test("a cut or a foreign archive is an error and leaves nothing behind", async () => {
  const whole = await readFile(archive);
  for (const [i, content] of [whole.subarray(0, whole.length / 2), Buffer.from("no archive")].entries()) {
    const damaged = path.join(scratch.folder, `damaged-${i}.tgz`);
    await writeFile(damaged, content);
    const fresh = { XDG_CACHE_HOME: path.join(scratch.folder, `damaged-${i}`) };
    const found = findPhotoFolder({ dataOption: damaged, env: fresh });
    await expect(found).rejects.toMatchObject({ code: "bad-argument" });
    expect(await readdir(cacheDir(fresh))).toEqual([]);
  }
});
