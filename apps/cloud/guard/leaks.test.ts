import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Worker } from "node:worker_threads";
import type { InjectOptions } from "fastify";
import { afterAll, beforeAll, expect, test } from "vitest";
import { encodeRequest, HEADER_LENGTH, type InferRequest } from "#shared/protocol";
import { buildServer, type CloudServer } from "../server.ts";
import {
  ALL_MODELS_DIR,
  imageBytes,
  POISONABLE_WORKER,
  request,
  testConfig,
  tinyImage,
} from "../testing/fixture.ts";
import { INNER } from "./malformed-fixture.ts";

let dir: string;
let server: CloudServer;
let thread: Worker;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "eddi-leaks-"));
  const modelsDir = join(dir, "models");
  for (const id of ["tiny", "folder", "cut", "gone", "text"]) {
    await cp(join(ALL_MODELS_DIR, "tiny"), join(modelsDir, id), { recursive: true });
    const file = JSON.parse(await readFile(join(modelsDir, id, "model.json"), "utf8"));
    file.userDefinedMetadata.eddi.id = id;
    await writeFile(join(modelsDir, id, "model.json"), JSON.stringify(file));
  }
  await rm(join(modelsDir, "folder", "model.json"));
  await mkdir(join(modelsDir, "folder", "model.json"));
  await writeFile(join(modelsDir, "cut", "weights-02.bin"), "short");
  await rm(join(modelsDir, "gone", "weights-02.bin"));
  await writeFile(join(modelsDir, "text", "model.json"), "no JSON");
  await mkdir(join(dir, "web", "assets", "page.js"), { recursive: true });
  const remember = (started: Worker) => {
    thread = started;
  };
  process.on("worker", remember);
  const config = testConfig({ modelsDir, webDir: join(dir, "web"), dataDir: dir, requestTimeoutMs: 1_500 });
  server = await buildServer(config, POISONABLE_WORKER);
  server.app.get("/v2/bug", () => {
    throw Object.assign(new Error(`${dir}/worker.ts: ENOENT in node_modules`), { code: "ENOENT", path: dir });
  });
  await server.ready;
  process.off("worker", remember);
});
afterAll(async () => {
  await server.close(0);
  await rm(dir, { recursive: true, force: true });
});

const image = tinyImage();

function infer(sent: InferRequest, model = "tiny"): InjectOptions {
  const { body, jsonBytes } = encodeRequest(sent);
  const headers = { "content-type": "application/octet-stream", [HEADER_LENGTH]: `${jsonBytes}` };
  return { method: "POST", url: `/v2/models/${model}/infer`, headers, payload: Buffer.from(body) };
}

/** As files, of which none is an image. */
function photo(type: string, bytes: Uint8Array): InjectOptions {
  const data = new Uint8Array(4 + bytes.length);
  new DataView(data.buffer).setUint32(0, bytes.length, true);
  data.set(bytes, 4);
  const tensor = { name: "image", datatype: "BYTES", shape: [1], data } as const;
  return infer(request([tensor], { parameters: { "image.image": type } }));
}

const JPEG_START = Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 16, 74, 70, 73, 70, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0);

/** @returns its status; fails when the answer tells what is inside */
async function ask(options: InjectOptions): Promise<number> {
  const { statusCode, body, headers } = await server.app.inject(options);
  // What the client said itself is no secret.
  const all = `${body} ${JSON.stringify(headers)}`.replaceAll(String(options.url), "");
  expect(all, JSON.stringify(options).slice(0, 200)).not.toMatch(INNER);
  for (const inner of [dir, process.cwd(), "ENOENT", "eddi-leaks"]) expect(all).not.toContain(inner);
  return statusCode;
}

test.each<[string, number, () => InjectOptions]>([
  ["a bug", 500, () => ({ url: "/v2/bug" })],
  ["a folder in place of a script", 404, () => ({ url: "/assets/page.js" })],
  ["a name too long for a file", 404, () => ({ url: `/assets/${"x".repeat(300)}` })],
  ["a name with a null", 400, () => ({ url: "/assets/%00" })],
  ["a page that is not there", 404, () => ({ url: "/" })],
  ["a model whose file is not there", 404, () => ({ url: "/models/gone/weights-02.bin" })],
  ["a photo that is not there", 404, () => ({ url: "/samples/photos/none.jpeg" })],
  ["a refused model", 503, () => ({ url: "/v2/models/cut" })],
  ["a tail of a refused model", 503, () => infer(request([image]), "gone")],
  ["noise for a JPEG", 400, () => photo("image/jpeg", imageBytes(3, 500))],
  ["the start of a JPEG", 400, () => photo("image/jpeg", JPEG_START)],
  ["noise for a WebP", 400, () => photo("image/webp", Buffer.from("RIFF0000WEBPVP8 0000"))],
  ["a tensor without a model's name", 400, () => infer(request([{ ...image, name: "x" }]))],
])("%s: the answer tells nothing of what is inside", async (_, status, options) => {
  expect(await ask(options())).toBe(status);
});

test("refused models are listed without paths", async () => {
  expect(await ask({ method: "POST", url: "/v2/repository/index" })).toBe(200);
  const { body } = await server.app.inject({ method: "POST", url: "/v2/repository/index" });
  expect(body).toMatch(/expected \d+ bytes, got no such file/);
  const states = JSON.parse(body).map(
    ({ name, state }: { name: string; state: string }) => `${name} ${state}`,
  );
  for (const id of ["cut", "folder", "gone", "text"]) expect(states).toContain(`${id} UNAVAILABLE`);
});

test("a worker that hangs, and one that dies, are not described", async () => {
  const replacement = new Promise<Worker>((resolve) => process.once("worker", resolve));
  thread.postMessage({ kind: "hang" });
  expect([503, 504]).toContain(await ask(infer(request([image]))));
  const next = await replacement;
  await new Promise((resolve) => next.once("message", resolve));
  next.postMessage({ kind: "crash" });
  expect([200, 503]).toContain(await ask(infer(request([image]))));
});
