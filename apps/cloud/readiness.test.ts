import { readFileSync } from "node:fs";
import type { Worker } from "node:worker_threads";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { parseServerTiming } from "#shared/protocol";
import { buildServer, type CloudServer } from "./server.ts";
import { INFER } from "./testing/child-fixture.ts";
import { POISONABLE_WORKER, post, request, testConfig, tinyImage } from "./testing/fixture.ts";

// What the service tells of itself when its workers are gone.
const DEPLOY = new URL("../../deploy/", import.meta.url);
const PATIENCE = { interval: 1 };

let server: CloudServer;
let startMs: number;
const threads: Worker[] = [];
const remember = (started: Worker) => threads.push(started);
beforeAll(async () => {
  process.on("worker", remember);
  const sinceMs = performance.now();
  server = await buildServer(testConfig({ maxQueueMs: 100 }), POISONABLE_WORKER);
  await server.ready;
  startMs = performance.now() - sinceMs;
});
afterAll(async () => {
  process.off("worker", remember);
  await server.close(0);
});

const get = async (url: string) => {
  const { statusCode, headers, body } = await server.app.inject(url);
  return { statusCode, headers, json: body.startsWith("{") ? JSON.parse(body) : body };
};
const infer = () => post(server.app, request([tinyImage()]));
const index = async () => (await server.app.inject({ method: "POST", url: "/v2/repository/index" })).json();
const expectedMs = (header: unknown) => parseServerTiming(String(header ?? "")).expectedQueueMs;
/** The value of one line of the metrics; 0 where there is none. */
const metric = async (line: string): Promise<number> => {
  const { body } = await server.app.inject("/metrics");
  const found = body.split("\n").find((one) => one.startsWith(`${line} `));
  return Number(found?.slice(line.length + 1) ?? 0);
};
const isReady = async () => (await get("/v2/health/ready")).statusCode;
const queryOf = (file: string): string => {
  const { spec } = parse(readFileSync(new URL(file, DEPLOY), "utf8"));
  return spec.triggers?.[0].metadata.query ?? spec.predictor.autoScaling.metrics[0].external.metric.query;
};

test("with no worker alive it is not ready, and tells the wait until there is one", async () => {
  await expect.poll(isReady, PATIENCE).toBe(200);
  expect(await metric("eddi_workers_alive")).toBe(1);
  threads.at(-1)!.postMessage({ kind: "crash" });
  await expect.poll(isReady, PATIENCE).toBe(503);
  const [ready, model, live, refused] = await Promise.all([
    get("/v2/health/ready"),
    get("/v2/models/tiny/ready"),
    get("/v2/health/live"),
    infer(),
  ]);
  const why = "no worker is alive: those that were lost are being replaced";
  expect(ready.json).toEqual({ ready: false, error: why });
  expect([model.statusCode, model.json]).toEqual([503, { name: "tiny", ready: false, error: why }]);
  expect(await index()).toMatchObject([{ name: "tiny", state: "LOADING" }]);
  expect([await metric("eddi_ready"), await metric("eddi_workers_alive")]).toEqual([0, 0]);
  // As long as the last one took, which was most of the start.
  expect(live.statusCode).toBe(200);
  expect(expectedMs(live.headers["server-timing"])).toBeGreaterThan(0.3 * startMs);
  expect(refused.statusCode).toBe(503);
  const toldMs = expectedMs(refused.headers["server-timing"]);
  expect(toldMs).toBeGreaterThan(0.3 * startMs);
  expect(refused.headers["retry-after"]).toBe(String(Math.max(1, Math.ceil(toldMs / 1000))));

  await expect.poll(isReady, PATIENCE).toBe(200);
  expect((await infer()).statusCode).toBe(200);
  expect(expectedMs((await get("/v2/health/live")).headers["server-timing"])).toBe(0);
  expect(await index()).toMatchObject([{ name: "tiny", state: "READY" }]);
});

test("what is refused counts in what autoscalers ask for, with the wait that it would have met", async () => {
  const query = queryOf("kubernetes/base/scaled-object.yaml");
  expect(queryOf("kserve/inference-service.yaml")).toBe(query);
  const names = query.match(/\beddi_[a-z_]+(?=\[)/g)!;
  expect(names).toEqual(["eddi_queue_duration_seconds_sum", "eddi_queue_duration_seconds_count"]);
  const read = () => Promise.all(names.map((name) => metric(`${name}{model="tiny"}`)));
  await expect.poll(isReady, PATIENCE).toBe(200);
  threads.at(-1)!.postMessage({ kind: "crash" });
  await expect.poll(isReady, PATIENCE).toBe(503);
  const [sum = 0, count = 0] = await read();
  const answers = await Promise.all(Array.from({ length: 10 }, infer));
  expect(answers.map(({ statusCode }) => statusCode)).toEqual(Array(10).fill(503));
  const toldMs = answers.reduce((all, { headers }) => all + expectedMs(headers["server-timing"]), 0);
  const [sumAfter = 0, countAfter = 0] = await read();
  expect(countAfter - count).toBe(10);
  expect(sumAfter - sum).toBeCloseTo(toldMs / 1000, 2);
  expect(await metric('eddi_refused_total{model="tiny",reason="no-worker"}')).toBeGreaterThanOrEqual(10);
  await expect.poll(isReady, PATIENCE).toBe(200);
});

test("so does who goes away while he waits", async () => {
  const count = () => metric('eddi_queue_duration_seconds_count{model="tiny"}');
  await server.close(0);
  server = await buildServer(testConfig({ maxQueueMs: 60_000 }), POISONABLE_WORKER);
  await server.ready;
  await server.app.listen({ host: "127.0.0.1", port: 0 });
  threads.at(-1)!.postMessage({ kind: "hang" });
  const running = infer();
  await expect.poll(() => metric("eddi_workers_busy"), PATIENCE).toBe(1);
  const before = await count();
  const gone = new AbortController();
  const url = `${server.app.listeningOrigin}${INFER.path}`;
  const leaving = fetch(url, { ...INFER, signal: gone.signal }).catch(() => "gone");
  await expect.poll(() => metric("eddi_queue_depth"), PATIENCE).toBe(1);
  gone.abort();
  expect(await leaving).toBe("gone");
  await expect.poll(count, PATIENCE).toBe(before + 1);
  expect(await metric('eddi_refused_total{model="tiny",reason="cancelled"}')).toBe(1);
  await threads.at(-1)!.terminate();
  expect((await running).statusCode).toBe(503);
});
