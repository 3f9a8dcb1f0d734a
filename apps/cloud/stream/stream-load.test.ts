import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Worker } from "node:worker_threads";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildServer, type CloudServer } from "../server.ts";
import { POISONABLE_WORKER, testConfig } from "../testing/fixture.ts";
import { errorOf, inferCall, openStream } from "./stream-fixture.ts";

// What shows when the only worker is busy.
const WAITING = 33;
const RUN_LIMIT_MS = 2_000;

let server: CloudServer;
let url: string;
const threads: Worker[] = [];
const remember = (started: Worker) => {
  threads.push(started);
};
beforeAll(async () => {
  process.on("worker", remember);
  server = await buildServer(
    testConfig({ maxQueueBytes: WAITING * 3072, maxQueueMs: 60_000, requestTimeoutMs: RUN_LIMIT_MS }),
    POISONABLE_WORKER,
  );
  await server.app.listen({ host: "127.0.0.1", port: 0 });
  url = `http://127.0.0.1:${(server.app.server.address() as AddressInfo).port}`;
  await server.ready;
});
afterAll(async () => {
  process.off("worker", remember);
  await server.close();
});

const PATIENCE = { interval: 20 };
const metric = async (name: string): Promise<number> => {
  const text = (await server.app.inject("/metrics")).body;
  return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)![1]);
};
/** The worker that runs now does not come back to any job. */
const hang = async (): Promise<void> => {
  const ready = async () => (await openStream(url)).ask(inferCall(0)).then(({ status }) => status);
  await expect.poll(ready, PATIENCE).toBe(200);
  threads.at(-1)!.postMessage({ kind: "hang" });
};

test("a call that takes long does not hold up the next one's answer", async () => {
  await hang();
  const client = await openStream(url);
  const order: number[] = [];
  const ask = async (call: ReturnType<typeof inferCall>): Promise<number> => {
    const { id, status } = await client.ask(call);
    order.push(id);
    return status;
  };
  const [slow, fast] = [ask(inferCall(1)), ask({ ...inferCall(2), model: "nobody" })];
  expect(await fast).toBe(404);
  expect(await slow).toBe(503);
  expect(order).toEqual([2, 1]);
});

test("a cancelled call, and those of a stream that closes, leave their places in the queue", async () => {
  await hang();
  const client = await openStream(url);
  const running = client.ask(inferCall(0));
  await expect.poll(() => metric("eddi_workers_busy"), PATIENCE).toBe(1);
  let answered = 0;
  for (let id = 1; id <= 3; id++) {
    client.ask(inferCall(id)).then(
      () => answered++,
      () => {},
    );
  }
  await expect.poll(() => metric("eddi_queue_depth"), PATIENCE).toBe(3);
  client.cancel(2);
  client.cancel(77);
  await expect.poll(() => metric("eddi_queue_depth"), PATIENCE).toBe(2);

  const other = await openStream(url);
  for (let id = 1; id <= 4; id++) other.ask(inferCall(id)).catch(() => {});
  await expect.poll(() => metric("eddi_queue_depth"), PATIENCE).toBe(6);
  other.socket.terminate();
  await expect.poll(() => metric("eddi_queue_depth"), PATIENCE).toBe(2);
  expect((await running).status).toBe(503);
  await expect.poll(() => answered, PATIENCE).toBe(2);
  await expect.poll(async () => (await client.ask(inferCall(9))).status, PATIENCE).toBe(200);
});

test("one stream has so many calls under way; more are refused at once, and others have their own", async () => {
  await hang();
  const client = await openStream(url);
  const replies = Array.from({ length: 32 }, (_, id) => client.ask(inferCall(id)));
  const refused = await client.ask(inferCall(99));
  expect([refused.status, refused.retryAfterS, errorOf(refused)]).toEqual([
    503,
    1,
    "expected at most 32 calls under way, got one more",
  ]);
  const other = await openStream(url);
  await expect.poll(() => metric("eddi_queue_depth"), PATIENCE).toBe(31);
  const waiting = [other.ask(inferCall(1)), other.ask(inferCall(2))];
  const overFull = await other.ask(inferCall(3));
  expect([overFull.status, overFull.retryAfterS]).toEqual([503, 1]);
  expect(errorOf(overFull)).toMatch(/^expected at most 60000 ms and \d+ bytes to wait, got/);
  for (const { status } of await Promise.all([...replies, ...waiting]))
    expect([200, 503, 504]).toContain(status);
});

test("a worker that crashes costs its call alone", async () => {
  await hang();
  const client = await openStream(url);
  const running = client.ask(inferCall(0));
  await sleep(50);
  await threads.at(-1)!.terminate();
  const reply = await running;
  expect([reply.status, reply.retryAfterS]).toEqual([503, 1]);
  await expect.poll(async () => (await client.ask(inferCall(1))).status, PATIENCE).toBe(200);
});
