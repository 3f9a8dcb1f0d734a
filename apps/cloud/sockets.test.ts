import { once } from "node:events";
import { request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Worker } from "node:worker_threads";
import { afterAll, beforeAll, expect, test } from "vitest";
import { encodeRequest, HEADER_LENGTH, parseServerTiming } from "#shared/protocol";
import { buildServer, type CloudServer } from "./server.ts";
import { POISONABLE_WORKER, request, testConfig, tinyImage } from "./testing/fixture.ts";

// What only real connections show.
let server: CloudServer;
let url: string;
let thread: Worker;

beforeAll(async () => {
  const remember = (started: Worker) => {
    thread = started;
  };
  process.on("worker", remember);
  const config = testConfig({ maxQueueBytes: 3072, requestTimeoutMs: 2_000, bodyLimitBytes: 1 << 20 });
  server = await buildServer(config, POISONABLE_WORKER);
  await server.app.listen({ host: "127.0.0.1", port: 0 });
  url = `http://127.0.0.1:${(server.app.server.address() as AddressInfo).port}`;
  await server.ready;
  process.off("worker", remember);
});
afterAll(() => server.close());

const image = tinyImage();
const { body, jsonBytes } = encodeRequest(request([image]));
const infer = (signal: AbortSignal | null = null) =>
  fetch(`${url}/v2/models/tiny/infer`, {
    method: "POST",
    headers: { "content-type": "application/octet-stream", [HEADER_LENGTH]: String(jsonBytes) },
    body: Buffer.from(body),
    signal,
  });

/** Sends a body in pieces without telling its length. */
async function sendPieces(path: string, pieces: number, pieceBytes: number) {
  const sent = httpRequest(`${url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/octet-stream" },
  });
  sent.on("error", () => {});
  const answered = once(sent, "response");
  const piece = Buffer.alloc(pieceBytes, 1);
  for (let at = 0; at < pieces; at++) sent.write(piece);
  sent.end();
  const [answer] = await answered;
  let text = "";
  for await (const chunk of answer) text += chunk;
  return { status: answer.statusCode, body: JSON.parse(text) };
}

test("a body may come in many small pieces of unknown number", async () => {
  expect(await sendPieces("/v2/probe", 50_000, 1)).toEqual({ status: 200, body: { received: 50_000 } });
  expect(await sendPieces("/v2/probe", 4, 64 << 10)).toEqual({ status: 200, body: { received: 256 << 10 } });
});

test("a body of unknown length that passes the limit is refused while it comes", async () => {
  expect(await sendPieces("/v2/models/tiny/infer", 300, 64 << 10)).toEqual({
    status: 413,
    body: { error: expect.stringMatching(/body: expected at most 1048576 bytes, got \d+ or more/) },
  });
  expect((await infer()).status).toBe(200);
});

test("a client that stops half-way does no harm", async () => {
  const sent = httpRequest(`${url}/v2/models/tiny/infer`, {
    method: "POST",
    headers: { "content-type": "application/octet-stream", "content-length": "3000" },
  });
  sent.on("error", () => {});
  sent.write(Buffer.alloc(1000));
  await sleep(50);
  sent.destroy();
  expect((await infer()).status).toBe(200);
});

test("a body that takes longer than a request may wait is answered all the same", async () => {
  const sent = httpRequest(`${url}/v2/models/tiny/infer`, {
    method: "POST",
    headers: {
      "content-type": "application/octet-stream",
      "content-length": body.byteLength,
      [HEADER_LENGTH]: jsonBytes,
    },
  });
  sent.write(body.subarray(0, 100));
  await sleep(2_200);
  sent.end(body.subarray(100));
  const [answer] = await once(sent, "response");
  expect(answer.statusCode).toBe(200);
  const { receiveMs, queueMs } = parseServerTiming(answer.headers["server-timing"]);
  expect(receiveMs).toBeGreaterThan(2_000);
  expect(queueMs).toBeLessThan(2_000);
  answer.resume();
});

test("a client that goes while it waits leaves its place in the queue", async () => {
  thread.postMessage({ kind: "hang" });
  const running = infer();
  await sleep(100);
  const gone = new AbortController();
  const leaving = infer(gone.signal).catch(() => "gone");
  await sleep(100);
  const over = await infer();
  expect(over.status).toBe(503);
  expect(over.headers.get("retry-after")).toBe("1");
  expect(await over.json()).toEqual({
    error: expect.stringMatching(
      /^expected at most 2000 ms and 3072 bytes to wait, got \d+ ms and 6144 bytes$/,
    ),
  });
  gone.abort();
  expect(await leaving).toBe("gone");
  await sleep(100);
  const waiting = infer();
  expect((await running).status).toBe(503);
  expect([200, 503, 504]).toContain((await waiting).status);
});

test("scores that a worker spoils on their way are no answer", async () => {
  await expect.poll(async () => (await infer()).status, { timeout: 15_000 }).toBe(200);
  const started = new Promise<Worker>((resolve) => process.once("worker", resolve));
  const spoiled = await buildServer(testConfig({}), POISONABLE_WORKER);
  const worker = await started;
  await spoiled.ready;
  worker.postMessage({ kind: "spoil" });
  const headers = { "content-type": "application/octet-stream", [HEADER_LENGTH]: String(jsonBytes) };
  const options = { method: "POST", url: "/v2/models/tiny/infer", headers } as const;
  const ask = () => spoiled.app.inject({ ...options, payload: Buffer.from(body) });
  const bad = await ask();
  expect([bad.statusCode, bad.json()]).toEqual([
    500,
    { error: "exit3/scores: expected finite scores of the engine, got NaN" },
  ]);
  expect((await ask()).statusCode).toBe(200);
  await spoiled.close(0);
});
