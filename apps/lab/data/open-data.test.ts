import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { create } from "tar";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cifar10 } from "./cifar10.ts";
import { cacheDir } from "./find-data.ts";
import { notes, temporaryFolder, writeImages, writeMiniCifar10, writeMiniImagenette } from "./fixture.ts";
import { loadFor } from "./load-for-model.ts";
import { OFFICIAL_SETS } from "./official-sets.ts";
import { openData } from "./open-data.ts";

let scratch: Awaited<ReturnType<typeof temporaryFolder>>;
/** Holds both published sets, each in its folder. */
let shared: string;
let photos: string;
let next = 0;
const freshEnv = () => ({ XDG_CACHE_HOME: path.join(scratch.folder, `cache-${next++}`) });
const own = "cifar10";
const { status } = notes();

beforeAll(async () => {
  scratch = await temporaryFolder();
  shared = path.join(scratch.folder, "shared");
  await writeMiniImagenette(path.join(shared, "imagenette", "imagenette2-160"), 1);
  await writeMiniCifar10(path.join(shared, "cifar10", "cifar-10-batches-bin"), 10);
  photos = path.join(scratch.folder, "photos");
  await writeImages(photos, { "cat/a": 4, "dog/a": 4 });
});
afterAll(() => scratch.remove());

test("a place that holds several sets gives each model its own", async () => {
  const env = freshEnv();
  expect(await openData({ dataOption: shared, env, own: "cifar10" }, status)).toMatchObject({
    id: "cifar10",
  });
  expect(await openData({ dataOption: shared, env, own: "imagenette" }, status)).toMatchObject({
    id: "imagenette",
  });
  expect(
    await openData({ dataOption: undefined, env: { ...env, EDDI_DATA: shared }, own }, status),
  ).toMatchObject({
    id: "cifar10",
  });
});

test("another published set, an image folder and one in an archive are taken when --data names them", async () => {
  const env = freshEnv();
  const { status, lines } = notes();
  const imagenette = path.join(shared, "imagenette");
  expect(await openData({ dataOption: imagenette, env, own }, status)).toMatchObject({ id: "imagenette" });
  expect(await openData({ dataOption: photos, env, own }, status)).toMatchObject({
    id: "folder",
    folder: photos,
  });
  expect(lines.at(-1)).toBe(`data: an image folder, 2 classes, in ${photos}`);
  const archive = path.join(scratch.folder, "pets.tgz");
  await create({ gzip: true, file: archive, cwd: scratch.folder }, ["photos"]);
  const packed = await openData({ dataOption: archive, env, own: null }, status);
  expect(packed.labels).toEqual(["cat", "dog"]);
  expect(packed.splits.train.files).toHaveLength(6);
});

test("EDDI_DATA must hold the model's own set, and is told from --data", async () => {
  const env = { ...freshEnv(), EDDI_DATA: photos };
  await expect(openData({ dataOption: undefined, env, own }, status)).rejects.toMatchObject({
    code: "not-found",
    message: expect.stringMatching(/photos: expected CIFAR-10: .*named by EDDI_DATA.*it holds none$/),
  });
  expect(await openData({ dataOption: undefined, env, own: null }, status)).toMatchObject({ id: "folder" });
});

test("a place with no data set, an absent one and none for a model of other classes are errors", async () => {
  const env = freshEnv();
  const empty = path.join(scratch.folder, "empty");
  await mkdir(empty);
  const at = (dataOption: string | undefined, own: "cifar10" | null) =>
    openData({ dataOption, env, own }, status);
  await expect(at(empty, own)).rejects.toThrow(
    /empty: expected CIFAR-10: .* or an image folder.*; it holds none$/,
  );
  await expect(at(`${empty}/x`, null)).rejects.toThrow(
    /expected Imagenette: .*CIFAR-10.*no such file or folder$/,
  );
  await expect(at("", own)).rejects.toMatchObject({ code: "bad-argument" });
  for (const dataOption of [undefined, "download"]) {
    await expect(at(dataOption, null)).rejects.toMatchObject({
      code: "bad-argument",
      message: expect.stringContaining("photos of the model's classes"),
    });
  }
});

test("what cannot be unpacked for want of a place says so", async () => {
  const file = path.join(scratch.folder, "in-the-way");
  await writeFile(file, "a file");
  const archive = path.join(scratch.folder, "cifar-10-binary.tar.gz");
  await create({ gzip: true, file: archive, cwd: path.join(shared, "cifar10") }, ["cifar-10-batches-bin"]);
  const env = { XDG_CACHE_HOME: file };
  await expect(openData({ dataOption: archive, env, own }, status)).rejects.toMatchObject({
    code: "unavailable",
    message: expect.stringMatching(/in-the-way\/eddi\/data: expected a place to unpack into, got ENOTDIR/),
  });
});

test("the word download, or nothing named and nothing there, downloads the model's own set once", async () => {
  const archive = path.join(scratch.folder, "served.tar.gz");
  await create({ gzip: true, file: archive, cwd: path.join(shared, "cifar10") }, ["cifar-10-batches-bin"]);
  const content = await readFile(archive);
  let asked = 0;
  const server: Server = createServer((_, response) => {
    asked++;
    response.writeHead(200, { "content-length": content.length }).end(content);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/cifar-10-binary.tar.gz`;
    const md5 = createHash("md5").update(content).digest("hex");
    const official = { ...OFFICIAL_SETS, cifar10: { ...cifar10, source: { url, md5 } } };
    for (const dataOption of ["download", undefined]) {
      const env = freshEnv();
      const { status, lines, updates } = notes();
      const found = await openData({ dataOption, env, own }, status, official);
      expect(found.folder).toBe(path.join(cacheDir(env), "cifar-10-batches-bin"));
      expect(await readdir(cacheDir(env))).toEqual(["cifar-10-batches-bin"]);
      expect(updates[0]).toMatch(/^downloading \[/);
      expect(lines.join()).toMatch(dataOption === undefined ? /downloading it/ : /^data: CIFAR-10/);
      // There now, whatever EDDI_DATA names.
      const before = asked;
      const named = { ...env, EDDI_DATA: photos };
      expect(await openData({ dataOption: "download", env: named, own }, status, official)).toEqual(found);
      expect(await openData({ dataOption: undefined, env, own }, status, official)).toEqual(found);
      expect(asked).toBe(before);
    }
    expect(asked).toBe(2);
  } finally {
    server.close();
  }
});

test("photos for a model are labelled as it numbers its classes; other classes are refused by name", async () => {
  const env = freshEnv();
  const load = await loadFor(["dog", "cat"], { dataOption: photos, env }, status);
  expect([...(await load("train")).labels]).toEqual([1, 1, 1, 0, 0, 0]);
  const straight = await loadFor(["cat", "dog"], { dataOption: photos, env }, status);
  expect([...(await straight("validation")).labels]).toEqual([0, 1]);
  await expect(loadFor(["cat", "owl"], { dataOption: photos, env }, status)).rejects.toMatchObject({
    code: "bad-argument",
    message: expect.stringMatching(/model's 2 classes, got none of owl and the unknown dog$/),
  });
  const imagenette = { dataOption: path.join(shared, "imagenette"), env };
  await expect(loadFor(cifar10.labels, imagenette, status)).rejects.toThrow(
    /none of airplane.* the unknown tench/,
  );
});
