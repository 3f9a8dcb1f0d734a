import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Worker } from "node:worker_threads";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildServer, type CloudServer } from "../server.ts";
import { INFER } from "../testing/child-fixture.ts";
import { POISONABLE_WORKER, testConfig } from "../testing/fixture.ts";
import { newKey } from "./keys.ts";

const DESCRIPTORS = "/proc/self/fd";
const FILE_BYTES = 600_000;
const CONNECTIONS = 20;
const EACH = 200;

let dir: string;
let server: CloudServer;
let guarded: CloudServer;
let thread: Worker;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "eddi-ahead-"));
  await mkdir(join(dir, "assets"));
  await mkdir(join(dir, "data", "val", "n01440764"), { recursive: true });
  await writeFile(join(dir, "index.html"), "<!doctype html><title>EDDI</title>".padEnd(FILE_BYTES));
  await writeFile(join(dir, "assets", "page.js"), "export {};".padEnd(FILE_BYTES));
  await writeFile(join(dir, "assets", "page.js.gz"), "x".repeat(FILE_BYTES));
  await writeFile(join(dir, "data", "val", "n01440764", "photo.JPEG"), "x".repeat(FILE_BYTES));
  const { line } = newKey("ada");
  await writeFile(join(dir, "keys"), line);
  const remember = (started: Worker) => {
    thread = started;
  };
  process.on("worker", remember);
  const files = { webDir: dir, dataDir: join(dir, "data") };
  server = await buildServer(testConfig({ ...files, requestTimeoutMs: 3_000 }), POISONABLE_WORKER);
  await listening(server);
  process.off("worker", remember);
  const limited = { keysFile: join(dir, "keys"), rate: { perSecond: 50, burst: 100 } };
  guarded = await buildServer(testConfig({ ...files, ...limited }));
  await listening(guarded);
}, 60_000);
afterAll(async () => {
  await Promise.all([server.close(0), guarded.close(0)]);
  await rm(dir, { recursive: true, force: true });
});

async function listening({ app, ready }: CloudServer): Promise<void> {
  await app.listen({ host: "127.0.0.1", port: 0 });
  await ready;
}

const portOf = ({ app }: CloudServer) => (app.server.address() as AddressInfo).port;

const get = (path: string, headers = "") => `GET ${path} HTTP/1.1\r\nhost: eddi\r\n${headers}\r\n`;

function openFiles(): number {
  return readdirSync(DESCRIPTORS).length;
}

/** Sends requests at once, reads nothing or a little, and leaves. */
async function askAndLeave(port: number, bytes: string, leaveAfterMs: number): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.pause();
  socket.write(bytes);
  await sleep(leaveAfterMs);
  socket.destroy();
}

test.skipIf(!existsSync(DESCRIPTORS)).each<[string, string, string, () => CloudServer]>([
  ["a script", "/assets/page.js", "", () => server],
  ["a compressed script", "/assets/page.js", "accept-encoding: gzip\r\n", () => server],
  ["a part of a script", "/assets/page.js", "range: bytes=1000-500000\r\n", () => server],
  ["the page", "/", "", () => server],
  ["a model", "/models/tiny/weights-01.bin", "", () => server],
  ["a photo", "/samples/photos/n01440764/photo.JPEG", "", () => server],
  ["the documentation", "/docs/static/swagger-ui-bundle.js", "", () => server],
  ["the page, with keys and a rate, by those without a key", "/assets/page.js", "", () => guarded],
])(
  "who asks for %s again and again, and leaves, leaves no file open (needs /proc)",
  async (_, path, headers, of) => {
    const port = portOf(of());
    await askAndLeave(port, get(path, headers), 50);
    const before = openFiles();
    const bytes = get(path, headers).repeat(EACH);
    await Promise.all(Array.from({ length: CONNECTIONS }, (_, at) => askAndLeave(port, bytes, 5 * at)));
    await expect.poll(openFiles, { timeout: 2_000 }).toBeLessThanOrEqual(before + 2);
  },
);

/** Sends bytes and reads until so many answers have come, or the connection closes. */
async function answersTo(port: number, bytes: Buffer | string, count: number): Promise<readonly number[]> {
  const socket = connect(port, "127.0.0.1");
  let came = "";
  const statuses = () => [...came.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
  const ended = new Promise<void>((resolve) => {
    socket.on("error", () => {}).on("close", () => resolve());
    socket.on("data", (chunk) => {
      came += chunk.toString("latin1");
      if (statuses().length >= count) resolve();
    });
  });
  socket.write(bytes);
  await ended;
  socket.destroy();
  return statuses();
}

function inferBytes(): Buffer {
  const head = Object.entries({ host: "eddi", ...INFER.headers, "content-length": INFER.body.length });
  const lines = head.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return Buffer.concat([Buffer.from(`POST ${INFER.path} HTTP/1.1\r\n${lines}\r\n`), INFER.body]);
}

test("requests that are sent without waiting are answered in their order, tails among them", async () => {
  const one = Buffer.concat([Buffer.from(get("/v2")), inferBytes(), Buffer.from(get("/nothing.js"))]);
  const all = await answersTo(portOf(server), Buffer.concat(Array(30).fill(one)), 90);
  expect(all).toEqual(Array(30).fill([200, 200, 404]).flat());
});

test("bodies of unknown use behind each other are read or thrown away, and what follows is answered", async () => {
  const body = "x".repeat(300_000);
  const bad = `POST /v2/nothing HTTP/1.1\r\nhost: eddi\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  const all = await answersTo(portOf(server), (bad + get("/v2")).repeat(5), 10);
  expect(all).toEqual(Array(5).fill([404, 200]).flat());
});

test("whoever sends more than is kept for a connection is cut", async () => {
  const all = await answersTo(portOf(server), get("/v2").repeat(5_000), 5_000);
  expect(all.length).toBeLessThan(5_000);
  expect((await fetch(`http://127.0.0.1:${portOf(server)}/v2`)).status).toBe(200);
});

test("tails behind one that runs are dropped when their client leaves", async () => {
  thread.postMessage({ kind: "hang" });
  const socket = connect(portOf(server), "127.0.0.1");
  socket.write(Buffer.concat(Array(10).fill(inferBytes())));
  await once(socket, "connect");
  const queued = async () => {
    const { body } = await server.app.inject("/metrics");
    return Number(/^eddi_queue_depth (\d+)$/m.exec(body)?.[1]);
  };
  await expect.poll(queued).toBe(3);
  socket.destroy();
  await expect.poll(queued, { timeout: 1_000 }).toBe(0);
}, 20_000);
