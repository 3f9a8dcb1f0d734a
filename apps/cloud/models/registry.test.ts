import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { buildServer } from "../server.ts";
import { copyOfModels, imageBytes, post, request, testConfig } from "../testing/fixture.ts";
import { loadModels } from "./registry.ts";

const cleanUps: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

type ModelFile = { userDefinedMetadata: { eddi?: { id: string; format: number } } };

/** A folder with a good model, and one that `spoil` has changed. */
async function withBadModel(spoil: (dir: string) => Promise<void>): Promise<string> {
  const { dir, remove } = await copyOfModels(["tiny", "bad"]);
  cleanUps.push(remove);
  await change(join(dir, "bad"), (file) => {
    file.userDefinedMetadata.eddi!.id = "bad";
  });
  await spoil(join(dir, "bad"));
  return dir;
}

async function change(dir: string, edit: (file: ModelFile) => void): Promise<void> {
  const path = join(dir, "model.json");
  const file = JSON.parse(await readFile(path, "utf8"));
  edit(file);
  await writeFile(path, JSON.stringify(file));
}

const shard = (dir: string) => join(dir, "weights-02.bin");

const cases: readonly [string, RegExp, (dir: string) => Promise<void>][] = [
  [
    "a model.json without our metadata",
    /expected userDefinedMetadata.eddi, got none/,
    (dir) =>
      change(dir, (file) => {
        delete file.userDefinedMetadata.eddi;
      }),
  ],
  [
    "metadata of another format",
    /format: expected 1, got 2/,
    (dir) =>
      change(dir, (file) => {
        file.userDefinedMetadata.eddi!.format = 2;
      }),
  ],
  [
    "a model in another's folder",
    /id: expected the folder's name bad, got good/,
    (dir) =>
      change(dir, (file) => {
        file.userDefinedMetadata.eddi!.id = "good";
      }),
  ],
  ["a model.json that is no JSON", /expected JSON/, (dir) => writeFile(join(dir, "model.json"), "{")],
  [
    "a truncated shard",
    /weights-02.bin: expected 368 bytes, got 300/,
    async (dir) => writeFile(shard(dir), (await readFile(shard(dir))).subarray(0, 300)),
  ],
  [
    "a corrupt shard",
    /weights-02.bin: expected SHA-256 [0-9a-f]{64}, got [0-9a-f]{64}/,
    async (dir) => {
      const bytes = await readFile(shard(dir));
      bytes[100] = bytes[100]! ^ 1;
      await writeFile(shard(dir), bytes);
    },
  ],
  [
    "a shard that is not there",
    /weights-02.bin: expected 368 bytes, got no such file/,
    (dir) => rm(shard(dir)),
  ],
];

test.each(cases)("%s is refused and says why; the others are loaded", async (_, reason, spoil) => {
  const dir = await withBadModel(spoil);
  const registry = await loadModels(dir);
  expect(registry.models().map(({ files }) => files.id)).toEqual(["tiny"]);
  expect(() => registry.find("bad", null)).toThrow(reason);
  expect(registry.index()).toContainEqual({
    name: "bad",
    version: "",
    state: "UNAVAILABLE",
    reason: expect.stringMatching(reason),
  });
});

test("a folder that is not there holds no models", async () => {
  expect((await loadModels("/nowhere/at/all")).models()).toEqual([]);
});

test("the service answers for the good model and tells why the other is not ready", async () => {
  const dir = await withBadModel((bad) => rm(shard(bad)));
  const server = await buildServer(testConfig({ modelsDir: dir }));
  cleanUps.unshift(server.close);
  await server.ready;
  const image = {
    name: "image",
    datatype: "UINT8",
    shape: [1, 32, 32, 3],
    data: imageBytes(1, 3072),
  } as const;
  expect((await post(server.app, request([image]))).statusCode).toBe(200);
  const ready = await server.app.inject("/v2/models/bad/ready");
  expect(ready.statusCode).toBe(503);
  const error = expect.stringMatching(/model bad is not ready: weights-02.bin: expected 368 bytes/);
  expect(ready.json()).toEqual({ name: "bad", ready: false, error });
  const refused = await post(server.app, request([image]), "/v2/models/bad/infer");
  expect(refused.statusCode).toBe(503);
  expect(refused.json()).toEqual({ error });
});

test("a folder that begins with a dot is no model: one is being written there", async () => {
  const { dir, remove } = await copyOfModels(["tiny", ".tiny.part"]);
  cleanUps.push(remove);
  expect((await loadModels(dir)).index().map(({ name }) => name)).toEqual(["tiny"]);
});

test("a model that the engine cannot run is refused once the workers know", async () => {
  const dir = await withBadModel((bad) =>
    change(bad, (file) => {
      const { node } = (file as unknown as { modelTopology: { node: { op: string }[] } }).modelTopology;
      for (const one of node) if (one.op === "Softmax") one.op = "Sideways";
    }),
  );
  const server = await buildServer(testConfig({ modelsDir: dir }));
  cleanUps.unshift(server.close);
  await server.ready;
  expect((await server.app.inject("/v2/models/tiny/ready")).statusCode).toBe(200);
  const ready = await server.app.inject("/v2/models/bad/ready");
  expect(ready.json().error).toMatch(/model bad is not ready: .*Sideways/);
});
