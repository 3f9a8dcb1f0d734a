import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { temporaryFolder } from "../data/fixture.ts";
import { writeFiles } from "../import/fixture.ts";
import { fetchPublished } from "./fetch-published.ts";
import { findPublished, type PublishedModel } from "./published.ts";

const DESCRIPTION = JSON.stringify({
  format: "graph-model",
  modelTopology: { node: [] },
  weightsManifest: [{ paths: ["b.bin", "a.bin"], weights: [] }],
});
const LABELS = "cat\ndog\n";
const sha256 = (...parts: readonly string[]) => createHash("sha256").update(parts.join("")).digest("hex");
const PUBLISHED: PublishedModel = {
  id: "small",
  about: "two classes",
  address: null,
  sha256: sha256(DESCRIPTION, "second", "first"),
  license: { name: "MIT", source: "https://example.org" },
  range: [0, 1],
  labels: { file: "labels.txt", sha256: sha256(LABELS) },
};

let scratch: Awaited<ReturnType<typeof temporaryFolder>>;
let from: string;
beforeAll(async () => {
  scratch = await temporaryFolder();
  from = path.join(scratch.folder, "copy");
  await writeFiles(from, {
    "model.json": DESCRIPTION,
    "a.bin": "first",
    "b.bin": "second",
    "labels.txt": LABELS,
  });
});
afterAll(() => scratch.remove());

test("what was published is copied, with its labels and its licence", async () => {
  const folder = path.join(scratch.folder, "got");
  const got = await fetchPublished(PUBLISHED, from, folder, {});
  expect((await readdir(folder)).sort()).toEqual(["LICENSE", "a.bin", "b.bin", "labels.txt", "model.json"]);
  expect(await readFile(got.labels, "utf8")).toBe(LABELS);
  expect(await readFile(path.join(folder, "LICENSE"), "utf8")).toBe("MIT, as https://example.org says\n");
});

test("other bytes, of weights or of labels, are refused and nothing is written", async () => {
  const folder = path.join(scratch.folder, "none");
  const other = { ...PUBLISHED, sha256: sha256(DESCRIPTION, "first", "second") };
  await expect(fetchPublished(other, from, folder, {})).rejects.toThrow(
    /expected the published files, SHA-256/,
  );
  const labels = { file: "labels.txt", sha256: sha256("others") };
  await expect(fetchPublished({ ...PUBLISHED, labels }, from, folder, {})).rejects.toThrow(
    /labels.txt: expected/,
  );
  await expect(readdir(folder)).rejects.toThrow("ENOENT");
});

test("where it cannot be had, what to do is told", async () => {
  const folder = path.join(scratch.folder, "none");
  await expect(fetchPublished(PUBLISHED, undefined, folder, {})).rejects.toThrow(
    /^small: expected --from FOLDER/,
  );
  const away = { ...PUBLISHED, address: "http://127.0.0.1:1/model.json" };
  await expect(fetchPublished(away, undefined, folder, {})).rejects.toThrow(
    /--from FOLDER takes a copy of small/,
  );
  expect(() => findPublished("resnet-9000")).toThrow(
    "expected one of mobilenet-v2-imagenet, mini-xception-emotion, got resnet-9000",
  );
});
