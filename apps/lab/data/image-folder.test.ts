import { mkdir, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DataSet, Split } from "./data-set.ts";
import { temporaryFolder, writeImages } from "./fixture.ts";
import { openImageFolder } from "./image-folder.ts";

let scratch: Awaited<ReturnType<typeof temporaryFolder>>;
let next = 0;
const newFolder = (): string => path.join(scratch.folder, `folder-${next++}`);

beforeAll(async () => {
  scratch = await temporaryFolder();
});
afterAll(() => scratch.remove());

const filesOf = ({ folder, splits }: DataSet, split: Split): string[] =>
  (splits[split].files as readonly { path: string; label: number }[]).map(
    ({ path: file, label }) => `${label} ${path.relative(folder, file)}`,
  );

test("a split of one's own is kept; classes are sorted by name; links to folders count", async () => {
  const folder = newFolder();
  await writeImages(folder, { "train/dog/a": 2, "train/Cat/b": 1, "val/Cat/c": 1, "val/hound/d": 1 });
  await symlink(path.join(folder, "val", "hound"), path.join(folder, "val", "dog"));
  await mkdir(path.join(folder, "train", ".cache"));
  await writeFile(path.join(folder, "train", "dog", "._a00.jpg"), "of a file manager");
  await writeFile(path.join(folder, "train", "dog", "notes.txt"), "no image");
  await expect(openImageFolder(folder)).rejects.toMatchObject({
    code: "bad-argument",
    message: expect.stringContaining("expected the classes of train, got hound too"),
  });
  await writeImages(folder, { "train/hound/e": 1 });
  const set = (await openImageFolder(folder))!;
  expect(set.labels).toEqual(["Cat", "dog", "hound"]);
  expect(filesOf(set, "train")).toEqual([
    "0 train/Cat/b00.jpg",
    "1 train/dog/a00.jpg",
    "1 train/dog/a01.jpg",
    "2 train/hound/e00.jpg",
  ]);
  expect(filesOf(set, "validation")).toEqual([
    "0 val/Cat/c00.jpg",
    "1 val/dog/d00.jpg",
    "2 val/hound/d00.jpg",
  ]);
});

test("without a split every tenth photo of a class validates, at least one, the same each time", async () => {
  const folder = newFolder();
  await writeImages(folder, { "few/a": 3, "many/a": 25 });
  const set = (await openImageFolder(folder))!;
  expect(filesOf(set, "validation")).toEqual(["0 few/a02.jpg", "1 many/a09.jpg", "1 many/a19.jpg"]);
  expect(filesOf(set, "train")).toHaveLength(25);
  const all = [...filesOf(set, "train"), ...filesOf(set, "validation")];
  expect(new Set(all).size).toBe(28);
  expect(await openImageFolder(folder)).toEqual(set);
});

test("what is no data set is told from one that is not whole", async () => {
  expect(await openImageFolder(newFolder())).toBeNull();
  const folder = newFolder();
  await mkdir(path.join(folder, "a", "b"), { recursive: true });
  expect(await openImageFolder(folder)).toBeNull();

  await writeImages(folder, { "c/x": 2 });
  const empty = {
    code: "not-found",
    message: expect.stringMatching(/folder-\d+\/a, got none among 1 entries$/),
  };
  await expect(openImageFolder(folder)).rejects.toMatchObject(empty);

  await writeImages(folder, { "a/x": 1 });
  const single = { code: "not-found", message: expect.stringMatching(/a: expected at least two photos/) };
  await expect(openImageFolder(folder)).rejects.toMatchObject(single);
});

test("one class alone, with a split or without, and a split without val are errors", async () => {
  const flat = newFolder();
  await writeImages(flat, { "cat/a": 4 });
  const one = { code: "bad-argument", message: expect.stringMatching(/2 to 65536 classes, got one, cat$/) };
  await expect(openImageFolder(flat)).rejects.toMatchObject(one);
  const split = newFolder();
  await writeImages(split, { "train/cat/a": 1, "train/dog/a": 1 });
  const half = { code: "not-found", message: expect.stringContaining("expected val beside train") };
  await expect(openImageFolder(split)).rejects.toMatchObject(half);
  await writeImages(split, { "val/cat/a": 1 });
  const lacks = { code: "not-found", message: expect.stringMatching(/val\/dog: no such folder$/) };
  await expect(openImageFolder(split)).rejects.toMatchObject(lacks);
  const alone = newFolder();
  await writeImages(alone, { "train/cat/a": 1, "val/cat/a": 1 });
  await expect(openImageFolder(alone)).rejects.toMatchObject(one);
});

test("a class may be called train", async () => {
  const folder = newFolder();
  await writeImages(folder, { "bus/a": 2, "train/a": 2 });
  expect((await openImageFolder(folder))?.labels).toEqual(["bus", "train"]);
});
