import { cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readModel, verifyShard } from "#shared/model";
import { miniPhotos, notes, temporaryFolder, writeImages } from "../data/fixture.ts";
import { openUnlabelled } from "../data/open-unlabelled.ts";
import { dropExit } from "../drop-exit/drop-exit.ts";
import { findNativeTf } from "../engine/native.ts";
import { inputBatch } from "../evaluate/exit-scores.ts";
import { openModelFolder, readModelFolder, readShard } from "../files/model-folder.ts";
import { classifier, graphFiles, writeFiles } from "../import/fixture.ts";
import { importModel } from "../import/import-model.ts";
import { addExits } from "./add-exits.ts";
import { agreement, scoresAgainstLast } from "./agreement.ts";
import { attachable, chooseNodes } from "./choose-nodes.ts";
import type { AddExitsJob } from "./job.ts";
import { outsidePhotos } from "./outside.ts";

const native = findNativeTf();

let scratch: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  scratch = await temporaryFolder();
});
afterAll(() => scratch.remove());

/** A tiny imported classifier of 16x16 images: `channels` 1 for grey ones. */
async function imported(id: string, channels = 3): Promise<string> {
  const place = await writeFiles(
    path.join(scratch.folder, `${id}-foreign`),
    graphFiles(classifier([-1, 16, 16, channels])),
  );
  const folder = path.join(scratch.folder, id);
  await importModel({
    place,
    id,
    folder,
    labels: ["a", "b", "c", "d"],
    exits: null,
    range: [-1, 1],
    data: { dataOption: undefined, env: { XDG_CACHE_HOME: scratch.folder } },
    isForced: false,
    onProgress: () => {},
  });
  return folder;
}

const job = (folder: string, more: Partial<AddExitsJob> = {}): AddExitsJob => ({
  folder,
  at: null,
  train: miniPhotos(96, 20),
  others: miniPhotos(200, 20),
  outside: [{ name: "made up", photos: miniPhotos(200, 24) }],
  risk: 0.1,
  measuredOn: "made up",
  epochs: 12,
  batch: 16,
  seed: 1,
  status: notes().status,
  ...more,
});

describe.skipIf(!native)("lab add-exits (needs @tensorflow/tfjs-node)", () => {
  for (const channels of [3, 1]) {
    test(`exits learn what a model of ${channels} channels says; its own exit stays bit by bit`, async () => {
      const folder = await imported(`learns${channels}`, channels);
      const before = await openModelFolder(folder);
      const photos = miniPhotos(200, 20);
      const run = (segments: typeof before): number[][] => {
        const { metadata, nodes } = segments.model;
        const images = inputBatch(photos, 0, photos.count, metadata.input);
        const outputs = metadata.exits.map(({ node }) => node);
        const segment = { nodes: nodes.map(({ name }) => name), feeds: [metadata.input.node], outputs };
        return segments.run(segment, [images]).map((tensor) => [...tensor.dataSync()]);
      };
      const own = run(before).at(-1);
      const added = await addExits(job(folder));
      const after = await openModelFolder(folder);
      const ids = added.exits.map(({ id }) => id);
      expect(after.model.metadata.exits.map(({ id }) => id)).toEqual([...ids, "full"]);
      expect(run(after).at(-1)).toEqual(own);
      expect(ids.length).toBeGreaterThan(0);
      expect(added.classes).toEqual({ reached: expect.any(Number), all: 4 });
      const shares = agreement(await scoresAgainstLast(after, photos));
      for (const [at, exit] of added.exits.entries()) {
        expect(exit.agreement).toBe(shares[at]);
        expect(after.model.metadata.exits[at]!.agreement).toBe(exit.agreement);
        expect(exit.agreement).toBeGreaterThan(0.8);
        expect(after.model.metadata.exits[at]!.outside).toBe(exit.outside[0]);
      }
      expect(shares.at(-1)).toBe(1);
      const card = await readFile(path.join(folder, "card.md"), "utf8");
      expect(card).toMatch(/## Added exits[\s\S]*\| exit1 \|/);
      // Whatever policy there is answers early, and is the model's to offer.
      const asked = added.exits.filter(({ threshold }) => threshold !== null).map(({ id }) => id);
      expect(asked.length).toBeGreaterThan(0);
      const [policy] = after.model.metadata.policies!;
      expect(policy).toMatchObject({ exit: "full", early: asked.map((exit) => ({ exit })) });
      expect(policy!.accuracy).toBeGreaterThan(0.9);
    });
  }

  test("an exit's weights are in shards of its own, in half precision", async () => {
    const folder = await imported("shards");
    const [node] = attachable(await readModelFolder(folder)).slice(-1);
    const added = await addExits(job(folder, { at: [node!], epochs: 1 }));
    expect(added).toMatchObject({ at: [node], exits: [{ id: "exit1" }] });
    const model = readModel(await readFile(path.join(folder, "model.json")));
    for (const { weights } of model.shards) {
      const branches = new Set(weights.map(({ name }) => name.startsWith("exit1/")));
      expect(branches.size).toBe(1);
      for (const { name, shape, quantization } of weights) {
        if (name.startsWith("exit1/") && shape.length > 1) expect(quantization?.dtype).toBe("float16");
      }
    }
    await expect(addExits(job(folder))).rejects.toMatchObject({
      code: "bad-argument",
      message: expect.stringContaining("expected a model of one exit, got the exits exit1, full"),
    });
  });

  test("codecs of its tensors stay, learned ones with their nets, and so do its own photos", async () => {
    const folder = path.join(scratch.folder, "resnet-imagenette");
    await cp("models/resnet-imagenette", folder, { recursive: true });
    for (const id of ["exit1", "exit2", "exit3"]) await dropExit(folder, id);
    await mkdir(path.join(folder, "samples"));
    await writeFile(path.join(folder, "samples", "church.jpg"), "a photo");
    const before = await readModelFolder(folder);
    expect(Object.keys(before.metadata.fitted!)).toEqual(["neck", "stem/conv2"]);
    expect(before.detours.size).toBe(1);
    const photos = miniPhotos(16, 32);
    const outside = [{ name: "made up", photos }];
    await addExits(
      job(folder, { at: ["stage1/block1/relu"], epochs: 1, train: photos, others: photos, outside }),
    );
    const { metadata, detours, shards } = await readModelFolder(folder);
    expect(metadata.exits.map(({ id }) => id)).toEqual(["exit1", "exit4"]);
    expect(metadata.fitted).toEqual(before.metadata.fitted);
    expect(metadata.codecs).toEqual(before.metadata.codecs);
    expect(detours).toEqual(before.detours);
    for (const shard of shards) verifyShard(shard, await readShard(folder, shard));
    expect(await readFile(path.join(folder, "samples", "church.jpg"), "utf8")).toBe("a photo");
    expect(await readdir(folder)).not.toContain("verdicts.bin");
  });

  test("what cannot be done is told, and the model stays as it was", async () => {
    const folder = await imported("refused");
    const before = await readFile(path.join(folder, "model.json"));
    const known = attachable(await readModelFolder(folder)).join(", ");
    await expect(addExits(job(folder, { at: ["pool"] }))).rejects.toMatchObject({
      code: "bad-argument",
      message: `--at: expected feature maps that everything passes, ${known}; got pool`,
    });
    await expect(addExits(job(folder, { train: miniPhotos(3, 20) }))).rejects.toMatchObject({
      code: "bad-argument",
      message: "expected at least 16 photos, a batch, got 3",
    });
    expect(await readFile(path.join(folder, "model.json"))).toEqual(before);
    expect((await readdir(scratch.folder)).filter((name) => name.startsWith("."))).toEqual([]);
  });

  test("without names, exits go near a fifth and a half of the work", async () => {
    const whole = await readModelFolder("models/resnet-imagenette");
    expect(() => chooseNodes(whole, null)).toThrow(
      "expected a model of one exit, got the exits exit1, exit2",
    );
    const model = { ...whole, metadata: { ...whole.metadata, exits: whole.metadata.exits.slice(-1) } };
    const chosen = chooseNodes(model, null);
    expect(chosen).toHaveLength(2);
    expect(chooseNodes(model, chosen.toReversed())).toEqual(chosen);
  });
});

test("any folder of images will do, at any depth", async () => {
  const folder = path.join(scratch.folder, "photos");
  await writeImages(folder, { "deep/er/a": 2, b: 3 });
  const { status, lines } = notes();
  const set = await openUnlabelled({ dataOption: folder, env: {}, own: "imagenette" }, status);
  expect(set.splits.train.files).toHaveLength(5);
  expect(set.splits.validation.files).toHaveLength(0);
  expect(lines.join()).toContain("5 photos without labels");
  await expect(
    openUnlabelled({ dataOption: path.join(scratch.folder, "none"), env: {}, own: "imagenette" }, status),
  ).rejects.toMatchObject({ code: "not-found" });
});

test("outside of an exit's classes are the photos that are named, or CIFAR-10's, and made ones", async () => {
  const folder = path.join(scratch.folder, "others");
  await writeImages(folder, { a: 2, b: 3 });
  const env = { XDG_CACHE_HOME: scratch.folder };
  const named = await outsidePhotos(folder, env, 1, notes().status);
  expect(named.map(({ name, photos }) => [name, photos.count])).toEqual([
    [folder, 5],
    ["drawings", 200],
    ["noise", 200],
  ]);
  const again = await outsidePhotos(undefined, env, 1, notes().status);
  expect(again.map(({ name }) => name)).toEqual(["drawings", "noise"]);
  expect(Buffer.compare(again[0]!.photos.pixels, named[1]!.photos.pixels)).toBe(0);
  expect(new Set(again[0]!.photos.pixels).size).toBeGreaterThan(100);
});
