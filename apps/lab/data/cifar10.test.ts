import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { create } from "tar";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CIFAR10_LABELS, cifar10 } from "./cifar10.ts";
import { readRecords } from "./cifar10-records.ts";
import { cacheDir, findOfficial } from "./find-data.ts";
import { cifarRecord, notes, temporaryFolder, writeImages, writeMiniCifar10 } from "./fixture.ts";
import { loadSplit } from "./pixels.ts";

let scratch: Awaited<ReturnType<typeof temporaryFolder>>;
let cache: string;
let next = 0;
const newFolder = (): string => path.join(scratch.folder, `folder-${next++}`);

beforeAll(async () => {
  scratch = await temporaryFolder();
  cache = cacheDir({ XDG_CACHE_HOME: scratch.folder });
});
afterAll(() => scratch.remove());

async function writeJpegs(folder: string): Promise<void> {
  for (const [split, count] of [
    ["train", 2],
    ["test", 1],
  ] as const) {
    await writeImages(
      path.join(folder, split),
      Object.fromEntries(CIFAR10_LABELS.map((name) => [`${name}/00`, count])),
    );
  }
}

test("records come class by class, with every pixel's colours side by side", async () => {
  const folder = newFolder();
  await writeMiniCifar10(folder, 20);
  const set = (await cifar10.open(folder))!;
  const options = { cacheDir: cache, status: notes().status };
  const train = await loadSplit(set, "train", options);
  expect(train).toMatchObject({ count: 100, size: 32, skipped: 0 });
  expect([...train.labels]).toEqual(Array.from({ length: 100 }, (_, photo) => Math.floor(photo / 10)));
  for (const photo of [0, 37, 99]) {
    for (const [y, x] of [
      [0, 0],
      [3, 30],
      [31, 31],
    ] as const) {
      const at = ((photo * 32 + y) * 32 + x) * 3;
      expect([...train.pixels.subarray(at, at + 3)]).toEqual([train.labels[photo], y, x]);
    }
  }
  // As files of the other layout are called.
  expect([train.names[0], train.names[37], train.names[99]]).toEqual([
    "airplane/0000",
    "cat/0007",
    "truck/0009",
  ]);
  expect(await loadSplit(set, "validation", options)).toMatchObject({ count: 20, skipped: 0 });
});

test("JPEGs are numbered in the official order of the classes, and keep their size", async () => {
  const folder = newFolder();
  await writeJpegs(folder);
  const set = (await cifar10.open(folder))!;
  expect(set.labels).toEqual(CIFAR10_LABELS);
  const train = await loadSplit(set, "train", { cacheDir: cache, status: notes().status });
  expect(train).toMatchObject({ count: 20, size: 32, skipped: 0 });
  expect([...train.labels]).toEqual(CIFAR10_LABELS.flatMap((_, label) => [label, label]));
});

test("the set is found as a folder, an archive, and where one of these lies, there or under cifar10", async () => {
  const folder = newFolder();
  const batches = path.join(folder, "cifar-10-batches-bin");
  await writeMiniCifar10(batches, 10);
  for (const place of [batches, folder]) {
    expect((await findOfficial(cifar10, place, cache))?.folder).toBe(batches);
  }
  const shared = newFolder();
  const archive = path.join(shared, "cifar10", "cifar-10-binary.tar.gz");
  await mkdir(path.dirname(archive), { recursive: true });
  await create({ gzip: true, file: archive, cwd: folder }, ["cifar-10-batches-bin"]);
  const [first, ...others] = await Promise.all(
    [archive, path.dirname(archive), shared].map((place) => findOfficial(cifar10, place, cache)),
  );
  expect(path.basename(first!.folder)).toBe("cifar-10-batches-bin");
  expect(others).toEqual([first, first]);

  const jpegs = newFolder();
  await writeJpegs(jpegs);
  const packed = path.join(newFolder(), "cifar-10-images.tar.gz");
  await mkdir(path.dirname(packed));
  await create({ gzip: true, file: packed, cwd: jpegs }, ["test", "train"]);
  const found = await findOfficial(cifar10, path.dirname(packed), cache);
  expect(found?.splits.train).toMatchObject({ kind: "images" });
  expect(found?.splits.validation.files).toHaveLength(10);
  expect(await findOfficial(cifar10, newFolder(), cache)).toBeNull();
});

test("a missing batch and a missing class are named", async () => {
  const batches = newFolder();
  await writeMiniCifar10(batches, 1);
  await rm(path.join(batches, "data_batch_4.bin"));
  await expect(cifar10.open(batches)).rejects.toMatchObject({
    code: "not-found",
    message: expect.stringMatching(/six batches, got no data_batch_4\.bin$/),
  });
  const jpegs = newFolder();
  await writeJpegs(jpegs);
  const horse = path.join(jpegs, "test", "horse");
  for (const name of await readdir(horse))
    await rename(path.join(horse, name), path.join(horse, `${name}.txt`));
  const empty = { code: "not-found", message: expect.stringMatching(/horse, got none among 1 entries$/) };
  await expect(cifar10.open(jpegs)).rejects.toMatchObject(empty);
  await rm(horse, { recursive: true });
  const missing = { code: "not-found", message: expect.stringMatching(/horse: no such folder$/) };
  await expect(cifar10.open(jpegs)).rejects.toMatchObject(missing);
});

test("a batch of a wrong length or with a label above 9 is refused by name", async () => {
  const folder = newFolder();
  await mkdir(folder);
  const file = async (name: string, content: Buffer): Promise<string> => {
    await writeFile(path.join(folder, name), content);
    return path.join(folder, name);
  };
  const whole = Buffer.concat([cifarRecord(1), cifarRecord(2)]);
  const good = await file("good.bin", whole);
  const cases: [string, Buffer, RegExp][] = [
    [
      "cut.bin",
      whole.subarray(0, -1),
      /cut\.bin: expected 6146 as in the first batch bytes|cut\.bin: expected 6146/,
    ],
    ["short.bin", cifarRecord(1), /short\.bin: expected 6146 .*got 3073$/],
    ["empty.bin", Buffer.alloc(0), /empty\.bin: expected .*got 0$/],
    [
      "label.bin",
      Buffer.concat([cifarRecord(9), cifarRecord(10)]),
      /label\.bin: .*labels 0\.\.9, record 1 has 10$/,
    ],
  ];
  for (const [name, content, message] of cases) {
    const refusal = { code: "bad-argument", message: expect.stringMatching(message) };
    await expect(readRecords([good, await file(name, content)]), name).rejects.toMatchObject(refusal);
  }
  const alone = readRecords([path.join(folder, "cut.bin")]);
  await expect(alone).rejects.toThrow(/cut\.bin: expected a multiple of 3073 bytes, got 6145$/);
  await expect(readRecords([folder])).rejects.toMatchObject({ code: "bad-argument" });
});

test("an archive that is cut, in the middle or near its end, is refused", async () => {
  const folder = newFolder();
  await writeMiniCifar10(path.join(folder, "cifar-10-batches-bin"), 2);
  for (const gzip of [true, false]) {
    const archive = path.join(folder, gzip ? "cifar-10-binary.tar.gz" : "cifar-10-binary.tar");
    await create({ gzip, file: archive, cwd: folder }, ["cifar-10-batches-bin"]);
    const content = await readFile(archive);
    for (const share of [0.5, 0.9]) {
      await writeFile(archive, content.subarray(0, Math.floor(content.length * share)));
      const refusal = {
        code: "bad-argument",
        message: expect.stringContaining("expected a whole tar archive"),
      };
      await expect(findOfficial(cifar10, archive, cache), `${archive} ${share}`).rejects.toMatchObject(
        refusal,
      );
    }
  }
});
