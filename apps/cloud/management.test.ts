import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { newKey } from "./guard/keys.ts";
import { listen } from "./listen.ts";
import { listenForManagement } from "./management.ts";
import type { CloudConfig } from "./options/config.ts";
import { buildServer } from "./server.ts";
import { testConfig } from "./testing/fixture.ts";

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function listening(change: Partial<CloudConfig> = {}) {
  const config = testConfig({ port: 0, managementPort: 0, ...change });
  const server = await buildServer(config);
  cleanUps.push(() => server.close(0));
  const [url] = await listen(server, config);
  const management = await listenForManagement(server, config);
  await server.ready;
  return { server, url: url!, management: management! };
}

const statusOf = async (url: string, headers = {}): Promise<number> => {
  const answer = await fetch(url, { headers });
  await answer.arrayBuffer();
  return answer.status;
};

test("health, readiness and metrics are answered there too, and nothing else", async () => {
  const { url, management } = await listening();
  expect(new URL(management).port).not.toBe(new URL(url).port);
  for (const path of ["/v2/health/live", "/v2/health/ready", "/v2/health/ready/", "/metrics?x=1"]) {
    expect([path, await statusOf(`${management}${path}`)]).toEqual([path, 200]);
    expect([path, await statusOf(`${url}${path}`)]).toEqual([path, 200]);
  }
  for (const path of ["/", "/v2", "/v2/models/tiny", "/models/tiny/model.json", "//metrics", "/docs"]) {
    expect([path, await statusOf(`${management}${path}`)]).toEqual([path, 404]);
  }
  expect(await (await fetch(`${management}/v2`)).json()).toEqual({
    error: "expected /v2/health/live, /v2/health/ready, /metrics, got /v2",
  });
});

test("whatever clients do with their connections, it answers", async () => {
  const { url, management } = await listening({ connectionsPerAddress: 2 });
  const sockets = Array.from({ length: 200 }, () => {
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    socket.on("error", () => {});
    socket.write("POST /v2/models/tiny/infer HTTP/1.1\r\nhost: eddi\r\ncontent-length: 100\r\n\r\n");
    return socket;
  });
  // Many that hold on to connections here make room as well.
  for (let at = 0; at < 100; at++) {
    sockets.push(connect(Number(new URL(management).port), "127.0.0.1").on("error", () => {}));
  }
  await sleep(100);
  for (const path of ["/v2/health/live", "/v2/health/ready", "/metrics"]) {
    expect(await statusOf(`${management}${path}`)).toBe(200);
  }
  for (const socket of sockets) socket.destroy();
});

test("metrics want a key there too, where there are keys", async () => {
  const dir = await mkdtemp(join(tmpdir(), "eddi-management-"));
  cleanUps.push(() => rm(dir, { recursive: true }));
  const { key, line } = newKey("prometheus");
  await writeFile(join(dir, "keys"), line);
  const { management } = await listening({ keysFile: join(dir, "keys") });
  expect(await statusOf(`${management}/v2/health/ready`)).toBe(200);
  expect(await statusOf(`${management}/metrics`)).toBe(401);
  expect(await statusOf(`${management}/metrics`, { authorization: `Bearer ${key}` })).toBe(200);
});

test("it answers until the end: that the service drains, and not that it is gone", async () => {
  const { server, url, management } = await listening();
  // A request under way, so that it takes a while.
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.on("error", () => {});
  socket.write("POST /v2/probe HTTP/1.1\r\nhost: eddi\r\ncontent-length: 10\r\n\r\n");
  await once(socket, "connect");
  await sleep(50);
  const closed = server.close(10_000, 100);
  const isGone = () =>
    statusOf(`${url}/v2/health/live`).then(
      () => false,
      () => true,
    );
  await expect.poll(isGone).toBe(true);
  expect(await statusOf(`${management}/v2/health/live`)).toBe(200);
  expect(await statusOf(`${management}/v2/health/ready`)).toBe(503);
  socket.destroy();
  await closed;
  await expect(fetch(`${management}/v2/health/live`)).rejects.toThrow();
});

test("a port that is taken is told", async () => {
  const { management, server } = await listening();
  const managementPort = Number(new URL(management).port);
  const again = listenForManagement(server, { host: "127.0.0.1", managementPort });
  await expect(again).rejects.toThrow(/--management-port: expected a free port, got EADDRINUSE/);
  expect(await listenForManagement(server, { host: "127.0.0.1", managementPort: null })).toBeNull();
});
