import "@tensorflow/tfjs-backend-cpu";
import { cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { setBackend } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { allEdge, type ExitPolicy } from "#shared/model";
import { miniPhotos, temporaryFolder } from "../data/fixture.ts";
import { exitScores } from "../evaluate/exit-scores.ts";
import { openModelFolder, readModelFolder, readShard, rewriteMetadata } from "../files/model-folder.ts";
import { dropExit } from "./drop-exit.ts";

let scratch: Awaited<ReturnType<typeof temporaryFolder>>;
let folder: string;
let run = 0;
beforeAll(async () => {
  await setBackend("cpu");
  scratch = await temporaryFolder();
});
beforeEach(async () => {
  run += 1;
  folder = path.join(scratch.folder, `${run}`, "tiny");
  await cp("models/tiny", folder, { recursive: true });
});
afterAll(() => scratch.remove());

const photos = miniPhotos(6, 32);
const policy = (exit: string, early: string): ExitPolicy => ({
  exit,
  early: [{ exit: early, threshold: 0.5 }],
  reach: [0.4],
  accuracy: 0.2,
  rest: { exit1: 0.1, exit2: 0.2, exit3: 0.3 },
});

test.each(["exit1", "exit2", "exit3"])("without %s the others say what they said, bit by bit", async (id) => {
  const before = await openModelFolder(folder);
  const { exits, codecs } = before.model.metadata;
  expect(codecs).toBeUndefined();
  const { scores } = await exitScores(before, photos);
  const { nodes, bytes, model } = await dropExit(folder, id);
  const after = await openModelFolder(folder);
  expect(after.model).toEqual(model);
  const kept = exits.filter((exit) => exit.id !== id);
  expect(model.metadata.exits).toEqual(kept);
  expect((await exitScores(after, photos)).scores).toEqual(
    scores.filter((_, exit) => exits[exit]!.id !== id),
  );

  // What is left is what the others need, and no more is stored.
  const needed = new Set(kept.flatMap((exit) => allEdge(before.model, exit.id).head));
  expect(new Set(model.dag.names)).toEqual(needed);
  expect(nodes).toBe(before.model.nodes.length - needed.size);
  expect(Object.keys(model.metadata.tensors)).toHaveLength(needed.size);
  const read = new Set(model.nodes.flatMap((node) => node.weights));
  expect(new Set(model.shards.flatMap(({ weights }) => weights.map(({ name }) => name)))).toEqual(read);
  const sizes = await Promise.all(model.shards.map((shard) => readShard(folder, shard)));
  expect(bytes).toBeGreaterThan(0);
  expect(sizes.map(({ byteLength }) => byteLength)).toEqual(model.shards.map((shard) => shard.bytes));
  const files = (await readdir(folder)).filter((name) => name.endsWith(".bin"));
  expect(files.sort()).toEqual(model.shards.map((shard) => shard.path).sort());
  for (const file of await readdir(path.join(folder, "profiles"))) {
    const { nodeMs, samples } = JSON.parse(await readFile(path.join(folder, "profiles", file), "utf8"));
    for (const name of Object.keys(nodeMs)) expect(needed).toContain(name);
    expect(samples.map(({ exit }: { exit: string }) => exit)).not.toContain(id);
  }
  before.dispose();
  after.dispose();
});

test("policies and losses that tell of it go, others stay", async () => {
  const loss = { exit1: 0.1, exit2: 0.2, exit3: 0.3 };
  await rewriteMetadata(folder, (metadata) => ({
    ...metadata,
    policies: [policy("exit2", "exit1"), policy("exit3", "exit1"), policy("exit3", "exit2")],
    codecs: {
      image: [{ codec: "uint8", deflate: false, bytes: 9, loss, reported: loss }],
      "block3/conv1": [{ codec: "uint8", deflate: false, bytes: 9, loss: { exit3: 0.1 } }],
    },
  }));
  const { metadata } = (await dropExit(folder, "exit3")).model;
  const { exit3: _, ...others } = loss;
  expect(metadata.policies).toEqual([{ ...policy("exit2", "exit1"), rest: { exit1: 0.1, exit2: 0.2 } }]);
  expect(metadata.codecs).toEqual({
    image: [{ codec: "uint8", deflate: false, bytes: 9, loss: others, reported: others }],
  });
});

test("a learned codec stays with its nets and their times while it leads to an exit, and goes with the last one", async () => {
  const resnet = path.join(path.dirname(folder), "resnet-imagenette");
  await cp("models/resnet-imagenette", resnet, { recursive: true });
  const profile = async () =>
    JSON.parse(await readFile(path.join(resnet, "profiles", "head-wasm.json"), "utf8"));
  const card = () => readFile(path.join(resnet, "card.md"), "utf8");
  const codecFiles = async () => (await readdir(resnet)).filter((name) => name.startsWith("codec-stem"));
  const tensor = "stem/conv2";
  await mkdir(path.join(resnet, "samples"));
  await writeFile(path.join(resnet, "samples", "church.jpg"), "a photo");
  const before = await readModelFolder(resnet);
  const [files, { detourMs }] = [await codecFiles(), await profile()];
  const shards = before.shards.filter((shard) => files.includes(shard.path));
  expect(shards).toHaveLength(3);
  const bytes = await Promise.all(shards.map((shard) => readShard(resnet, shard)));
  const { rates, ...codec } = before.metadata.fitted![tensor]!;
  const behind = Object.keys(rates[0]!.loss);
  const [gone, ...others] = behind;
  const { model } = await dropExit(resnet, gone!);
  expect(model.detours).toEqual(before.detours);
  expect(await readFile(path.join(resnet, "samples", "church.jpg"), "utf8")).toBe("a photo");
  const { rates: left, ...same } = model.metadata.fitted![tensor]!;
  expect([same, left.map(({ loss }) => Object.keys(loss))]).toEqual([codec, rates.map(() => others)]);
  expect(await Promise.all(shards.map((shard) => readShard(resnet, shard)))).toEqual(bytes);
  expect([await codecFiles(), (await profile()).detourMs]).toEqual([files, detourMs]);
  expect(await card()).toContain(`## Codec of ${tensor}`);

  for (const exit of others) await dropExit(resnet, exit);
  const last = await readModelFolder(resnet);
  expect([last.detours.size, last.metadata.fitted, await codecFiles()]).toEqual([0, undefined, []]);
  expect((await profile()).detourMs).toEqual({});
  expect(await card()).not.toContain("## Codec of");
});

test("the card keeps what it says of the model, not what was measured with the exit", async () => {
  const card = path.join(folder, "card.md");
  const kept = "# tiny\n\nWhat it is.\n\n## Codec of a\n\nFitted.\n";
  await writeFile(card, `${kept}\n## Accuracy\n\n| exit3 |\n\n## Confidence\n\nSure.\n`);
  await dropExit(folder, "exit3");
  expect(await readFile(card, "utf8")).toBe(kept);
});

test("the only exit stays, one that is not there is named, and damaged weights are refused", async () => {
  await dropExit(folder, "exit1");
  await dropExit(folder, "exit3");
  const left = await readFile(path.join(folder, "model.json"), "utf8");
  await expect(dropExit(folder, "exit2")).rejects.toMatchObject({
    code: "bad-argument",
    message: "--exit: expected a model that keeps an exit, got its only one, exit2",
  });
  await expect(dropExit(folder, "exit9")).rejects.toMatchObject({
    code: "not-found",
    message: "model tiny: expected one of the exits exit2, got exit9",
  });
  expect(await readFile(path.join(folder, "model.json"), "utf8")).toBe(left);

  await cp("models/tiny", folder, { recursive: true });
  const [shard] = (await readModelFolder(folder)).shards;
  await writeFile(
    path.join(folder, shard!.path),
    (await readShard(folder, shard!)).map((byte) => byte ^ 1),
  );
  await expect(dropExit(folder, "exit3")).rejects.toMatchObject({ code: "bad-weights" });
});
