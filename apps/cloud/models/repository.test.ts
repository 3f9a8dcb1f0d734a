import { cp, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encodeRequest, HEADER_LENGTH } from "#shared/protocol";
import { newKey } from "../guard/keys.ts";
import { readConfig } from "../options/config.ts";
import { buildServer, type CloudServer } from "../server.ts";
import { ALL_MODELS_DIR, copyOfModels, request, testConfig, tinyImage } from "../testing/fixture.ts";
import { sendBytes } from "../testing/raw-http-fixture.ts";

// Triton's model repository extension: index, load and unload.
const ADA = newKey("ada");
const KEY = { "x-api-key": ADA.key };

let dir: string;
let remove: () => Promise<void>;
let keysDir: string;
let server: CloudServer;
beforeAll(async () => {
  ({ dir, remove } = await copyOfModels(["tiny"]));
  keysDir = await mkdtemp(join(tmpdir(), "eddi-repository-"));
  const keysFile = join(keysDir, "keys");
  await writeFile(keysFile, ADA.line);
  const change = { modelsDir: dir, modelsPollMs: 0, keysFile, modelControl: true };
  server = await buildServer(testConfig(change));
  await server.ready;
  await server.app.listen({ host: "127.0.0.1", port: 0 });
});
afterAll(async () => {
  await server.close(0);
  await remove();
  await rm(keysDir, { recursive: true });
});

const ask = async (path: string, body?: object, headers: Record<string, string> = KEY) => {
  const payload = body === undefined ? {} : { payload: Buffer.from(JSON.stringify(body)) };
  const url = `/v2/repository/${path}`;
  const { statusCode, body: text } = await server.app.inject({ method: "POST", url, headers, ...payload });
  return [statusCode, text === "" ? null : JSON.parse(text)];
};
const index = async (body?: object) => (await ask("index", body))[1];
const infer = async (model: string): Promise<number> => {
  const { body, jsonBytes } = encodeRequest(request([tinyImage()]));
  const headers = { ...KEY, [HEADER_LENGTH]: String(jsonBytes) };
  const url = `/v2/models/${model}/infer`;
  return (await server.app.inject({ method: "POST", url, headers, payload: Buffer.from(body) })).statusCode;
};
const READY = { name: "tiny", version: expect.stringMatching(/^[0-9a-f]{16}$/), state: "READY", reason: "" };

test("it is claimed where it is whole, and only there", async () => {
  const extensionsOf = async ({ app }: CloudServer) =>
    (await app.inject({ url: "/v2", headers: KEY })).json().extensions;
  expect(await extensionsOf(server)).toEqual(
    expect.arrayContaining(["model_repository", "model_repository(unload_dependents)"]),
  );
  const plain = await buildServer(testConfig());
  expect((await extensionsOf(plain)).join()).not.toMatch(/model_repository/);
  for (const action of ["load", "unload"]) {
    const url = `/v2/repository/models/tiny/${action}`;
    expect((await plain.app.inject({ method: "POST", url })).statusCode).toBe(404);
  }
  expect((await plain.app.inject({ method: "POST", url: "/v2/repository/index" })).statusCode).toBe(200);
  expect(JSON.stringify((await plain.app.inject("/docs/json")).json().paths)).not.toMatch(/unload/);
  await plain.close(0);
  const { paths } = (await server.app.inject({ url: "/docs/json", headers: KEY })).json();
  expect(Object.keys(paths)).toEqual(
    expect.arrayContaining(["/v2/repository/models/{model}/load", "/v2/repository/models/{model}/unload"]),
  );
});

test("it needs keys", async () => {
  expect(() => readConfig({}, ["--model-control", "on"])).toThrow(
    "--model-control on: expected --keys FILE too, got none",
  );
  const config = readConfig({ EDDI_MODEL_CONTROL: "on" }, ["--keys", "/keys"]);
  expect(config).toMatchObject({ modelControl: true });
  for (const path of ["index", "models/tiny/load", "models/tiny/unload"]) {
    expect((await ask(path, {}, {}))[0]).toBe(401);
    expect((await ask(path, {}, { "x-api-key": "wrong" }))[0]).toBe(401);
  }
  expect(await infer("tiny")).toBe(200);
});

describe("a model", () => {
  test("is unloaded and loaded again, as Triton's client asks for it", async () => {
    const { port } = server.app.server.address() as AddressInfo;
    const send = (action: string, body: string) => {
      const head = [
        `POST /v2/repository/models/tiny/${action} HTTP/1.1`,
        "user-agent: python/gevent-http-client-1.4.5",
        `x-api-key: ${ADA.key}`,
        `host: localhost:${port}`,
        `content-length: ${body.length}`,
      ];
      return sendBytes(port, Buffer.from(`${head.join("\r\n")}\r\n\r\n${body}`));
    };
    expect((await send("unload", '{"parameters":{"unload_dependents":false}}')).status).toBe(200);
    expect(await index()).toEqual([{ name: "tiny", version: "", state: "UNAVAILABLE", reason: "unloaded" }]);
    expect(await index({ ready: true })).toEqual([]);
    expect(await infer("tiny")).toBe(503);
    const ready = await server.app.inject({ url: "/v2/models/tiny/ready", headers: KEY });
    expect([ready.statusCode, ready.json().ready]).toEqual([503, false]);
    // Once more changes nothing.
    expect(await ask("models/tiny/unload")).toEqual([200, {}]);
    expect((await send("load", "{}")).status).toBe(200);
    expect(await index({ ready: true })).toEqual([READY]);
    expect(await infer("tiny")).toBe(200);
    expect(await ask("models/tiny/load")).toEqual([200, {}]);
    expect(await index()).toEqual([READY]);
  });

  test("that came into the folder is told of, and loaded when somebody asks for it", async () => {
    const folder = await mkdtemp(join(tmpdir(), "eddi-model-"));
    await cp(join(ALL_MODELS_DIR, "alexnet-cifar10"), folder, { recursive: true });
    await rename(folder, join(dir, "alexnet-cifar10"));
    const line = { name: "alexnet-cifar10", version: "", state: "UNAVAILABLE", reason: "not loaded" };
    expect(await index()).toEqual([READY, line]);
    expect(await index({ ready: null })).toHaveLength(2);
    expect(await ask("models/alexnet-cifar10/load", { parameters: {} })).toEqual([200, {}]);
    expect(await index({ ready: true })).toHaveLength(2);
    expect(await ask("models/alexnet-cifar10/unload", { parameters: { unload_dependents: true } })).toEqual([
      200,
      {},
    ]);
    expect(await index({ ready: true })).toEqual([READY]);
  });

  test("that cannot be used is not, and its error is told", async () => {
    await cp(join(dir, "tiny"), join(dir, "spoiled"), { recursive: true });
    const [status, { error }] = await ask("models/spoiled/load");
    expect(status).toBe(422);
    expect(error).toMatch(/^model spoiled: id: expected the folder's name spoiled, got tiny$/);
    expect(await index({ ready: true })).toEqual([READY]);
  });

  test.each([
    ["models/nobody/load", {}, 404, /expected one of the models .*tiny.*, got nobody/],
    ["models/nobody/unload", {}, 404, /got nobody/],
    ["models/..%2ftiny/load", {}, 404, /got \.\.\/tiny/],
    [
      "models/tiny/load",
      { parameters: { config: "{}" } },
      400,
      /parameter config: expected none, got string/,
    ],
    ["models/tiny/load", { parameters: { "file:1/model.json": "e30=" } }, 400, /expected none, got string/],
    [
      "models/tiny/unload",
      { parameters: { unload_dependents: 1 } },
      400,
      /unload_dependents, a boolean, got number/,
    ],
    ["models/tiny/unload", { parameters: [] }, 400, /parameters: expected an object/],
    ["index", { ready: "yes" }, 400, /ready: expected true or false, got "yes"/],
  ] as const)("request of %s with %j is refused", async (path, body, status, message) => {
    const [came, { error }] = await ask(path, body);
    expect([came, error]).toEqual([status, expect.stringMatching(message)]);
    expect(await infer("tiny")).toBe(200);
  });

  test("stays unloaded, whatever comes into the folder, until somebody loads it", async () => {
    const { dir: own, remove: clean } = await copyOfModels(["tiny"]);
    const change = { modelsDir: own, modelsPollMs: 50, keysFile: join(keysDir, "keys"), modelControl: true };
    const watching = await buildServer(testConfig(change));
    await watching.ready;
    const post = (path: string) =>
      watching.app.inject({ method: "POST", url: `/v2/repository/${path}`, headers: KEY });
    expect((await post("models/tiny/unload")).statusCode).toBe(200);
    await cp(join(ALL_MODELS_DIR, "alexnet-cifar10"), join(own, ".coming"), { recursive: true });
    await rename(join(own, ".coming"), join(own, "alexnet-cifar10"));
    const states = async () =>
      (await post("index")).json().map(({ name, state }: Record<string, string>) => `${name} ${state}`);
    await expect.poll(states).toContain("alexnet-cifar10 READY");
    expect(await states()).toContain("tiny UNAVAILABLE");
    expect((await post("models/tiny/load")).statusCode).toBe(200);
    expect(await states()).toContain("tiny READY");
    await watching.close(0);
    await clean();
  });
});
