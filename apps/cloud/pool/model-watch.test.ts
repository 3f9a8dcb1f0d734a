import { cp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { buildServer, type CloudServer } from "../server.ts";
import { copyOfModels, post, readResponse, request, testConfig, tinyImage } from "../testing/fixture.ts";

const cleanUps: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

const image = tinyImage();

async function openService(): Promise<{ dir: string; server: CloudServer }> {
  const { dir, remove } = await copyOfModels(["tiny"]);
  const server = await buildServer(testConfig({ modelsDir: dir, modelsPollMs: 50 }));
  cleanUps.push(server.close, remove);
  await server.ready;
  return { dir, server };
}

/** Sends requests, one after another, until told to stop; tells the status of each. */
function keepAsking(server: CloudServer, path?: string) {
  const statuses: number[] = [];
  let asking = true;
  const ended = (async () => {
    while (asking) statuses.push((await post(server.app, request([image]), path)).statusCode);
  })();
  const stop = async (): Promise<readonly number[]> => {
    asking = false;
    await ended;
    return statuses;
  };
  return stop;
}

const statusOf = async (server: CloudServer, path: string) => (await server.app.inject(path)).statusCode;
const until = (server: CloudServer, path: string, status: number) =>
  expect.poll(() => statusOf(server, path)).toBe(status);

/** A copy under another id, complete from the start. */
async function addCopy(dir: string, id: string): Promise<void> {
  const part = join(dir, `.${id}.part`);
  await cp(join(dir, "tiny"), part, { recursive: true });
  await changeModel(part, (file) => {
    file.userDefinedMetadata.eddi.id = id;
  });
  await rename(part, join(dir, id));
}

type ModelFile = { userDefinedMetadata: { eddi: { id: string; labels: string[] } } };

async function changeModel(folder: string, edit: (file: ModelFile) => void): Promise<void> {
  const path = join(folder, "model.json");
  const file = JSON.parse(await readFile(path, "utf8"));
  edit(file);
  await writeFile(path, JSON.stringify(file));
}

test("models come and go while requests are served, and none fails", async () => {
  const { dir, server } = await openService();
  const stop = keepAsking(server);
  await addCopy(dir, "second");
  await until(server, "/v2/models/second/ready", 200);
  const answer = await post(server.app, request([image]), "/v2/models/second/infer");
  expect(readResponse(answer).modelName).toBe("second");
  await rm(join(dir, "second"), { recursive: true });
  await until(server, "/v2/models/second", 404);
  const statuses = await stop();
  expect(statuses.length).toBeGreaterThan(10);
  expect(new Set(statuses)).toEqual(new Set([200]));
});

test("a new version answers those who name none, the old one those who name it", async () => {
  const { dir, server } = await openService();
  const versions = async () => (await server.app.inject("/v2/models/tiny")).json().versions as string[];
  const [old] = await versions();
  const stop = keepAsking(server, `/v2/models/tiny/versions/${old}/infer`);
  for (const [at, name] of ["one", "two"].entries()) {
    await changeModel(join(dir, "tiny"), (file) => {
      file.userDefinedMetadata.eddi.labels[0] = name;
    });
    await expect.poll(async () => (await versions())[0]).not.toBe(old);
    await expect.poll(async () => (await versions()).includes(old!)).toBe(at === 0);
    if (at === 0) expect(new Set(await stop())).toEqual(new Set([200]));
    const answer = readResponse(await post(server.app, request([image])));
    expect(answer.modelVersion).toBe((await versions())[0]);
  }
  expect(await versions()).toHaveLength(2);
  expect(await statusOf(server, `/v2/models/tiny/versions/${old}`)).toBe(404);
});

test("a change that is no good is told, and what was there serves on", async () => {
  const { dir, server } = await openService();
  const shard = join(dir, "tiny", "weights-02.bin");
  const good = await readFile(shard);
  await writeFile(shard, good.subarray(0, 300));
  await changeModel(join(dir, "tiny"), (file) => {
    file.userDefinedMetadata.eddi.labels[0] = "new";
  });
  const index = async () =>
    (await server.app.inject({ method: "POST", url: "/v2/repository/index" })).json() as object[];
  await expect
    .poll(index)
    .toContainEqual(
      expect.objectContaining({ name: "tiny", state: "UNAVAILABLE", reason: expect.stringMatching("300") }),
    );
  expect((await post(server.app, request([image]))).statusCode).toBe(200);
  await writeFile(shard, good);
  const ready = [1, 2].map(() => expect.objectContaining({ name: "tiny", state: "READY" }));
  await expect.poll(index).toEqual(ready);
});
