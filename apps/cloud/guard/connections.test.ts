import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { Agent, get } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { WebSocket } from "ws";
import { STREAM_PATH, STREAM_PROTOCOL } from "#shared/protocol";
import { listen } from "../listen.ts";
import type { CloudConfig } from "../options/config.ts";
import { buildServer, type CloudServer } from "../server.ts";
import { inferCall, openStream } from "../stream/stream-fixture.ts";
import { INFER } from "../testing/child-fixture.ts";
import { testConfig } from "../testing/fixture.ts";
import { BEYOND, Connections } from "./connections.ts";

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function listening(change: Partial<CloudConfig>): Promise<{ server: CloudServer; port: number }> {
  const server = await buildServer(testConfig(change));
  cleanUps.push(() => server.close(0));
  await server.app.listen({ host: "0.0.0.0", port: 0 });
  await server.ready;
  return { server, port: (server.app.server.address() as AddressInfo).port };
}

async function open(port: number, localAddress = "127.0.0.1", bytes = ""): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", localAddress });
  cleanUps.push(() => socket.destroy());
  socket.on("error", () => {}).resume();
  await once(socket, "connect");
  if (bytes !== "") socket.write(bytes);
  return socket;
}

/** No more at once than wait in a listening socket's queue: the system drops those beyond, and they try again for minutes. */
const AT_ONCE = 100;

async function openAll(
  count: number,
  port: number,
  localAddress = "127.0.0.1",
  bytes = "",
): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const more = Math.min(AT_ONCE, count - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: more }, () => open(port, localAddress, bytes)))));
  }
  return sockets;
}

/** On a connection of its own. */
function ask(port: number, path: string, localAddress = "127.0.0.1"): Promise<[number, string]> {
  return new Promise((resolve, reject) => {
    const options = { port, path, localAddress, host: "127.0.0.1", agent: new Agent() };
    get(options, async (answer) => {
      let text = "";
      for await (const chunk of answer) text += chunk;
      resolve([answer.statusCode!, `${answer.headers["retry-after"] ?? ""} ${text}`]);
    }).on("error", reject);
  });
}

const BODY = `POST ${INFER.path} HTTP/1.1\r\nhost: eddi\r\ncontent-length: 5000\r\n\r\nbeginning`;
const BODY_BYTES = 5000;

/** Connections with a body under way, of which the service has heard. */
async function openBusy(count: number, server: CloudServer, port: number): Promise<Socket[]> {
  const sockets = await openAll(count, port, "127.0.0.1", BODY);
  const held = async (): Promise<number> => {
    const { body } = await server.app.inject("/metrics");
    return Number(/^eddi_bytes_under_way (\d+)$/m.exec(body)?.[1]);
  };
  await expect.poll(held).toBe(count * BODY_BYTES);
  return sockets;
}

const HEALTH = ["/v2/health/live", "/v2/health/ready"];

test("1,100 idle connections of one address shut nobody out", async () => {
  const { server, port } = await listening({});
  const idle = await openAll(1_100, port);
  for (const from of ["127.0.0.1", "127.0.0.2"]) {
    for (const path of [...HEALTH, "/v2", "/metrics"]) expect((await ask(port, path, from))[0]).toBe(200);
  }
  const told = async (name: RegExp): Promise<number> =>
    Number(name.exec((await server.app.inject("/metrics")).body)?.[1]);
  expect(await told(/^eddi_connections (\d+)$/m)).toBeLessThanOrEqual(256);
  // Those that the machine had not yet taken up are evicted too, a little later.
  await expect
    .poll(() => told(/^eddi_connections_closed_total\{cause="evicted"\} (\d+)$/m))
    .toBeGreaterThan(800);
  for (const socket of idle) socket.destroy();
});

test("connections that are in use are left alone; those beyond the bound get health, and are told why", async () => {
  const { server, port } = await listening({ connectionsPerAddress: 8 });
  const busy = await openBusy(8, server, port);
  for (const path of HEALTH) expect((await ask(port, path))[0]).toBe(200);
  expect(await ask(port, "/v2")).toEqual([
    503,
    '1 {"error":"expected fewer connections of one address, or of all, got too many: only health is answered"}',
  ]);
  expect(await ask(port, "/nothing")).toEqual([503, expect.any(String)]);
  // Others have their own bound.
  expect((await ask(port, "/v2", "127.0.0.2"))[0]).toBe(200);
  // Those who hold on to connections beyond it make room for each other.
  const beyond = await openAll(3 * BEYOND.mostBeyondOfAddress, port);
  expect((await ask(port, HEALTH[0]!))[0]).toBe(200);
  expect(busy.some(({ closed }) => closed)).toBe(false);
  await expect.poll(() => beyond.filter(({ closed }) => closed).length).toBeGreaterThan(30);
  // Where there is room again, one beyond may be used like others.
  const last = beyond.findLast(({ closed }) => !closed)!;
  busy[0]!.destroy();
  let came = "";
  last.on("data", (chunk) => {
    came += chunk;
  });
  await expect
    .poll(() => {
      last.write("GET /v2 HTTP/1.1\r\nhost: eddi\r\n\r\n");
      return came;
    })
    .toContain("HTTP/1.1 200");
});

test("idle ones make room, the longest idle first, and a client that comes back is served", async () => {
  const { port } = await listening({ connectionsPerAddress: 4 });
  const sockets: Socket[] = [];
  for (let at = 0; at < 4; at++) sockets.push(await open(port));
  // Now the second is the longest idle.
  const answered = once(sockets[0]!, "data");
  sockets[0]!.write("GET /v2 HTTP/1.1\r\nhost: eddi\r\n\r\n");
  await answered;
  await open(port);
  await expect.poll(() => sockets.map(({ closed }) => closed)).toEqual([false, true, false, false]);
});

test("streams count, and are never idle", async () => {
  const { port } = await listening({ connectionsPerAddress: 3 });
  const url = `http://127.0.0.1:${port}`;
  const streams = [await openStream(url), await openStream(url), await openStream(url)];
  expect((await ask(port, "/v2"))[0]).toBe(503);
  const refused = new WebSocket(`${url.replace("http", "ws")}${STREAM_PATH}`, STREAM_PROTOCOL);
  refused.on("error", () => {});
  const [, { statusCode }] = await once(refused, "unexpected-response");
  expect(statusCode).toBe(503);
  refused.terminate();
  expect((await streams[0]!.ask(inferCall(1))).status).toBe(200);
  for (const { socket } of streams) socket.terminate();
  await expect.poll(async () => (await ask(port, "/v2"))[0]).toBe(200);
});

test("HTTPS has the same bounds, of the same connections", async () => {
  const { generate } = await import("selfsigned");
  const { private: key, cert } = await generate([{ name: "commonName", value: "localhost" }]);
  const dir = await mkdtemp(join(tmpdir(), "eddi-tls-"));
  cleanUps.push(() => rm(dir, { recursive: true }));
  await writeFile(join(dir, "cert"), cert);
  await writeFile(join(dir, "key"), key);
  const tls = { host: "127.0.0.1", port: 0, cert: join(dir, "cert"), key: join(dir, "key") };
  const config = testConfig({ port: 0, tls, connectionsPerAddress: 4 });
  const server = await buildServer(config);
  cleanUps.push(() => server.close(0));
  const [http, https] = await listen(server, config);
  await server.ready;
  await openBusy(4, server, Number(new URL(http!).port));
  const { Agent: Dispatcher, request } = await import("undici");
  const dispatcher = new Dispatcher({ connect: { rejectUnauthorized: false } });
  const status = async (path: string) => {
    const { statusCode, body } = await request(`${https}${path}`, { dispatcher });
    await body.dump();
    return statusCode;
  };
  expect([await status("/v2/health/live"), await status("/v2")]).toEqual([200, 503]);
  await dispatcher.destroy();
});

test("when there are too many of all, the address that has most makes room", () => {
  const bounds = { most: 6, mostOfAddress: 4, mostBeyond: 2, mostBeyondOfAddress: 2 };
  let evicted = 0;
  const connections = new Connections(bounds, () => evicted++);
  const closed: string[] = [];
  let add: (socket: never) => void = () => {};
  connections.take({
    on: (event: string, taker: typeof add) => {
      if (event === "connection") add = taker;
    },
  } as never);
  const come = (remoteAddress: string, remotePort: number): void => {
    const destroy = () => closed.push(`${remoteAddress} ${remotePort}`);
    add({ remoteAddress, remotePort, localPort: 1, destroy, once: () => {} } as never);
  };
  for (const at of [1, 2, 3, 4]) come("192.0.2.1", at);
  for (const at of [1, 2]) come("192.0.2.2", at);
  come("192.0.2.3", 1);
  expect(closed).toEqual(["192.0.2.1 1"]);
  come("192.0.2.3", 2);
  expect(closed).toEqual(["192.0.2.1 1", "192.0.2.1 2"]);
  expect([connections.size, evicted]).toEqual([6, 2]);
});
