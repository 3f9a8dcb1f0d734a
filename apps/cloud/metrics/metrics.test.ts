import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Worker } from "node:worker_threads";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildServer, type CloudServer } from "../server.ts";
import {
  imageBytes,
  POISONABLE_WORKER,
  post,
  readResponse,
  request,
  testConfig,
} from "../testing/fixture.ts";

const DASHBOARD = fileURLToPath(new URL("../../../deploy/grafana/eddi.json", import.meta.url));

let server: CloudServer;
let thread: Worker;
beforeAll(async () => {
  const remember = (started: Worker) => {
    thread = started;
  };
  process.on("worker", remember);
  server = await buildServer(testConfig({ maxQueueMs: 0, requestTimeoutMs: 1_500 }), POISONABLE_WORKER);
  await server.ready;
  process.off("worker", remember);
});
afterAll(() => server.close());

const batchOf = (images: number) => ({
  name: "image",
  datatype: "UINT8" as const,
  shape: [images, 32, 32, 3],
  data: imageBytes(1, images * 3072),
});
const scrape = async () => (await server.app.inject("/metrics")).body;
/** The value of one line, such as `eddi_exits_total{model="tiny",exit="exit1"}`; 0 where there is none. */
const readLine = (text: string, line: string): number => {
  const found = text.split("\n").find((candidate) => candidate.startsWith(`${line} `));
  return Number(found?.slice(line.length + 1) ?? 0);
};

test("a tail is counted with its times, images, exits and bytes", async () => {
  const before = await scrape();
  const answer = await post(server.app, request([batchOf(3)], { parameters: { exit: "exit1" } }));
  expect(answer.statusCode).toBe(200);
  const after = await scrape();
  const grown = (line: string) => readLine(after, line) - readLine(before, line);
  const route = "/v2/models/:model/infer";
  expect(grown(`eddi_requests_total{route="${route}",status="200"}`)).toBe(1);
  expect(grown(`eddi_request_duration_seconds_count{route="${route}"}`)).toBe(1);
  expect(grown('eddi_exits_total{model="tiny",exit="exit1"}')).toBe(3);
  expect(grown('eddi_batch_size_sum{model="tiny"}')).toBe(3);
  for (const stage of ["receive", "queue", "compute"]) {
    expect(grown(`eddi_${stage}_duration_seconds_count{model="tiny"}`), stage).toBe(1);
  }
  expect(grown('eddi_compute_duration_seconds_sum{model="tiny"}')).toBeGreaterThan(0);
  expect(grown("eddi_request_bytes_total")).toBeGreaterThan(3 * 3072);
  expect(grown("eddi_response_bytes_total")).toBeGreaterThan(3 * 10 * 4);
  expect(after).toMatch(/^eddi_model_ready\{model="tiny",version="[0-9a-f]{16}"\} 1$/m);
  expect(readLine(after, "eddi_ready")).toBe(1);
});

test("what exits said on the edge is counted by whether the answer here is the same", async () => {
  const before = await scrape();
  const { outputs } = readResponse(await post(server.app, request([batchOf(1)])));
  const scores = new Float32Array(outputs[0]!.data.slice().buffer);
  const right = scores.indexOf(Math.max(...scores));
  for (const [classIndex, confidence] of [
    [right, 0.9],
    [(right + 1) % 10, 0.6],
    [(right + 2) % 10, 0.7],
  ]) {
    const asked_exits = `exit1:${classIndex}:${confidence},exit3:${classIndex}:1`;
    const answer = await post(server.app, request([batchOf(1)], { parameters: { asked_exits } }));
    expect(answer.statusCode).toBe(200);
  }
  const after = await scrape();
  const grown = (line: string) => readLine(after, line) - readLine(before, line);
  expect(grown('eddi_edge_exits_total{model="tiny",exit="exit1",agrees="true"}')).toBe(1);
  expect(grown('eddi_edge_exits_total{model="tiny",exit="exit1",agrees="false"}')).toBe(2);
  expect(grown('eddi_edge_exits_expected_total{model="tiny",exit="exit1"}')).toBeCloseTo(2.2, 6);
  // That is the one that answered.
  expect(after).not.toMatch(/eddi_edge_exits_total\{model="tiny",exit="exit3"/);
});

test("clients cannot make labels: unknown routes, models and versions fall together", async () => {
  // Those of Node come and go with its resources.
  const count = (text: string) => text.match(/^eddi_/gm)!.length;
  const ask = async (name: string) => {
    await server.app.inject(`/nowhere/${name}`);
    await server.app.inject(`/v2/nowhere/${name}`);
    await post(server.app, request([batchOf(1)]), `/v2/models/${name}/infer`);
    await post(server.app, request([batchOf(1)]), `/v2/models/${name}/versions/${name}/infer`);
  };
  await ask("first");
  const before = await scrape();
  for (let at = 0; at < 20; at++) await ask(`model${at}`);
  const after = await scrape();
  expect(count(after)).toBe(count(before));
  const line = 'eddi_refused_total{model="unknown",reason="not-found"}';
  expect(readLine(after, line) - readLine(before, line)).toBe(40);
});

test("refusals are told by reason, and a lost worker is counted", async () => {
  const bad = await post(server.app, request([batchOf(33)]));
  expect(bad.statusCode).toBe(400);
  thread.postMessage({ kind: "hang" });
  const running = post(server.app, request([batchOf(1)]));
  await expect.poll(async () => readLine(await scrape(), "eddi_workers_busy")).toBe(1);
  expect((await post(server.app, request([batchOf(1)]))).statusCode).toBe(503);
  expect((await running).statusCode).toBe(503);
  const text = await scrape();
  for (const reason of ["bad-tensor", "queue-full", "worker-lost"]) {
    expect(readLine(text, `eddi_refused_total{model="tiny",reason="${reason}"}`), reason).toBe(1);
  }
  for (const cause of ["queue-full", "worker-lost"]) {
    expect(readLine(text, `eddi_shed_total{cause="${cause}"}`), cause).toBe(1);
  }
  expect(readLine(text, "eddi_worker_restarts_total")).toBe(1);
});

test("the dashboard and the autoscaler ask for nothing that is not exposed", async () => {
  const exposed = new Set([...(await scrape()).matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap(namesOf));
  const dashboard = JSON.parse(readFileSync(DASHBOARD, "utf8"));
  const scaler = readFileSync(
    new URL("../../../deploy/kubernetes/base/scaled-object.yaml", import.meta.url),
    "utf8",
  );
  const expressions: string[] = dashboard.panels.flatMap((panel: { targets?: { expr: string }[] }) =>
    (panel.targets ?? []).map(({ expr }) => expr),
  );
  expect(expressions.length).toBeGreaterThan(10);
  const asked = [...expressions, scaler].flatMap(
    (text) => text.match(/\b(?:eddi|process|nodejs)_[a-z0-9_]+/g) ?? [],
  );
  expect(asked.length).toBeGreaterThan(expressions.length - 1);
  expect(asked.filter((name) => !exposed.has(name))).toEqual([]);
});

test("it can be switched off", async () => {
  const off = await buildServer(testConfig({ metrics: false }));
  expect((await off.app.inject("/metrics")).statusCode).toBe(404);
  await off.close();
});

function namesOf([, name, type]: RegExpMatchArray): string[] {
  return type === "histogram" ? ["_bucket", "_sum", "_count"].map((end) => `${name}${end}`) : [name!];
}
