import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadModels } from "../models/registry.ts";
import { buildServer, type CloudServer } from "../server.ts";
import { MODELS_DIR, testConfig } from "../testing/fixture.ts";
import { INLINE_SCRIPT } from "./static-files.ts";

let server: CloudServer;
let bare: CloudServer;
let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "eddi-web-"));
  const webDir = join(dir, "web");
  await mkdir(join(webDir, "assets"), { recursive: true });
  await writeFile(join(dir, "secret.txt"), "secret");
  await writeFile(join(webDir, "index.html"), "<!doctype html><title>EDDI</title>");
  await writeFile(join(webDir, "assets", "page-1a2b.js"), "export {};");
  await writeFile(join(webDir, "assets", "tfjs-3c4d.wasm"), "");
  for (const name of ["n01440764", "n02102040", "n99999999"]) {
    await mkdir(join(dir, "data", "val", name), { recursive: true });
    for (let photo = 0; photo < 60; photo++) {
      await writeFile(join(dir, "data", "val", name, `${name}_${photo}.JPEG`), `${photo}`);
    }
  }
  await writeFile(join(dir, "data", "val", "n01440764", "notes.txt"), "secret");
  server = await buildServer(testConfig({ webDir, dataDir: join(dir, "data") }));
  bare = await buildServer(testConfig());
});
afterAll(async () => {
  await server.close(0);
  await bare.close(0);
  await rm(dir, { recursive: true, force: true });
});

const get = (url: string, headers = {}) => server.app.inject({ url, headers });

test("the page is isolated, may load from here only, and is asked for each time", async () => {
  const { statusCode, headers, body } = await get("/");
  expect(statusCode).toBe(200);
  expect(body).toContain("<title>EDDI</title>");
  expect(headers).toMatchObject({
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-cache",
    etag: expect.any(String),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-resource-policy": "same-origin",
    "content-security-policy": expect.stringContaining("script-src 'self' 'wasm-unsafe-eval'"),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "permissions-policy": expect.stringContaining("camera=(self)"),
  });
  expect((await get("/", { "if-none-match": headers.etag })).statusCode).toBe(304);
});

test("a shard may be asked for in pieces", async () => {
  const whole = await get("/models/tiny/weights-01.bin");
  const part = await get("/models/tiny/weights-01.bin", { range: "bytes=100-299" });
  expect(part.statusCode).toBe(206);
  expect(part.headers["content-range"]).toBe(`bytes 100-299/${whole.rawPayload.length}`);
  expect(part.rawPayload.equals(whole.rawPayload.subarray(100, 300))).toBe(true);
  const behind = { range: `bytes=${whole.rawPayload.length}-${whole.rawPayload.length + 9}` };
  expect((await get("/models/tiny/weights-01.bin", behind)).statusCode).toBe(416);
});

test("what is named by its hash is kept for ever", async () => {
  const script = await get("/assets/page-1a2b.js");
  expect(script.headers["content-type"]).toMatch(/javascript/);
  expect(script.headers["cache-control"]).toMatch(/immutable/);
  expect((await get("/assets/tfjs-3c4d.wasm")).headers["content-type"]).toBe("application/wasm");
  const [shard] = (await loadModels(MODELS_DIR)).find("tiny", null).model.shards;
  const url = `/models/tiny/${shard!.path}`;
  const named = await get(`${url}?v=${shard!.sha256.slice(0, 16)}`);
  expect(named.headers["cache-control"]).toMatch(/immutable/);
  expect(named.headers["content-type"]).toBe("application/octet-stream");
  expect(named.rawPayload.byteLength).toBe(shard!.bytes);
  for (const other of [url, `${url}?v=0123456789abcdef`, "/models/tiny/model.json"]) {
    const response = await get(other);
    expect(response.statusCode).toBe(200);
    expect(response.headers["cache-control"]).toBe("no-cache");
  }
});

test("the policy knows the one script that stands in the page", async () => {
  const page = await readFile(new URL("../../web/index.html", import.meta.url), "utf8");
  const inline = [...page.matchAll(/<script>(.*?)<\/script>/gs)].map(([, script]) => script!);
  const hashes = inline.map((script) => `sha256-${createHash("sha256").update(script).digest("base64")}`);
  expect(hashes).toEqual([INLINE_SCRIPT]);
});

test("a page that has not been built says so", async () => {
  const response = await bare.app.inject("/");
  expect(response.statusCode).toBe(404);
  expect(response.headers["content-type"]).toMatch(/^text\/plain/);
  expect(response.body).toContain("npm run build");
});

test.each([
  "/assets/nothing.js",
  "/assets",
  "/models/tiny/nothing.bin",
  "/models/tiny/",
  "/models/nothing/model.json",
  "/../secret.txt",
  "/..%2fsecret.txt",
  "/assets/..%2f..%2fsecret.txt",
  "/models/..%2f..%2fpackage.json",
  "/models/tiny/%2e%2e/%2e%2e/package.json",
  "/models/tiny/..%5c..%5cpackage.json",
  "/samples/photos/n01440764/notes.txt",
  "/samples/photos/n01440764%2fnotes.txt",
  "/samples/photos/../n01440764/notes.txt",
  "/samples/photos/..%2f..%2f..%2fsecret.txt",
  "/samples/nothing",
  "/samples/models/tiny/model.json",
  "/samples/models/tiny/nothing.jpg",
  "/samples/models/tiny/..%2f..%2fsecret.jpg",
  "/samples/models/..%2ftiny/photo.jpg",
])("%s is not served", async (url) => {
  const response = await get(url);
  expect([400, 403, 404]).toContain(response.statusCode);
  expect(response.json()).toEqual({ error: expect.any(String) });
  expect(response.headers["cache-control"]).toBe("no-store");
  expect(response.body).not.toMatch(/secret"|eddi-web-|node_modules/);
});

test("sample photos are the same each time, spread over the classes, and can be loaded", async () => {
  const { source, photos } = (await get("/samples/index.json")).json();
  expect(source).toBe("photos");
  expect(photos).toHaveLength(100);
  expect(photos.slice(0, 3).map((photo: { label: string }) => photo.label)).toEqual([
    "tench",
    "English springer",
    "n99999999",
  ]);
  expect(new Set(photos.map((photo: { url: string }) => photo.url)).size).toBe(100);
  const again = await buildServer(testConfig({ dataDir: join(dir, "data") }));
  expect((await again.app.inject("/samples/index.json")).json().photos).toEqual(photos);
  await again.close(0);
  const photo = await get(photos[7].url);
  expect(photo.statusCode).toBe(200);
  expect(photo.headers["content-type"]).toBe("image/jpeg");
});

test("which photos there are is sent again only to those who do not know", async () => {
  const url = "/samples/index.json";
  const { etag } = (await get(url)).headers;
  const ask = (tag: string) => get(url, { "if-none-match": tag });
  const known = await ask(`"other", W/${etag}`);
  expect([known.statusCode, known.body, known.headers.etag]).toEqual([304, "", etag]);
  expect((await ask('"other"')).json().photos).toHaveLength(100);
});

test("a model that comes with photos of its own is shown with these, other models with the usual ones", async () => {
  const modelsDir = join(dir, "with-samples");
  await cp(join(MODELS_DIR, "tiny"), join(modelsDir, "tiny"), { recursive: true });
  const own = join(modelsDir, "tiny", "samples");
  await mkdir(own);
  for (const name of ["T-shirt.jpg", "hat-2.jpg", "long top.jpeg", "notes.txt", ".hidden.jpg"]) {
    await writeFile(join(own, name), name);
  }
  await symlink(join(dir, "secret.txt"), join(own, "outside.jpg"));
  const config = testConfig({ modelsDir, dataDir: join(dir, "data") });
  const service = await buildServer(config);
  try {
    const photosFor = async (query: string) =>
      (await service.app.inject(`/samples/index.json${query}`)).json().photos;
    const { others } = (await service.app.inject("/samples/index.json?model=other")).json();
    expect(others).toEqual([{ model: "tiny", url: "/samples/models/tiny/T-shirt.jpg" }]);
    expect((await service.app.inject("/samples/index.json?model=tiny")).json().others).toEqual([]);
    const photos = await photosFor("?model=tiny");
    expect(photos.map(({ label }: { label: string }) => label)).toEqual(["T-shirt", "hat", "long top"]);
    for (const { url } of photos) expect((await service.app.inject(url)).statusCode).toBe(200);
    for (const query of ["", "?model=nothing", "?model=..", "?model=tiny&model=tiny"]) {
      expect(await photosFor(query), query).toHaveLength(100);
    }
    for (const name of ["outside.jpg", "notes.txt", ".hidden.jpg"]) {
      expect((await service.app.inject(`/samples/models/tiny/${name}`)).statusCode, name).toBe(404);
    }
  } finally {
    await service.close(0);
  }
});

test("without photos there are none", async () => {
  const response = await bare.app.inject("/samples/index.json");
  expect(response.json()).toEqual({ source: "none", photos: [], others: [] });
});

test("the regression beside the models is served, and asked for each time", async () => {
  const modelsDir = join(dir, "models");
  await mkdir(modelsDir, { recursive: true });
  await writeFile(join(modelsDir, "regression.json"), '{"format":1,"backends":{}}');
  const beside = await buildServer(testConfig({ modelsDir }));
  try {
    const { statusCode, headers, body } = await beside.app.inject({ url: "/models/regression.json" });
    expect([statusCode, headers["cache-control"]]).toEqual([200, "no-cache"]);
    expect(JSON.parse(body)).toEqual({ format: 1, backends: {} });
  } finally {
    await beside.close(0);
  }
});
