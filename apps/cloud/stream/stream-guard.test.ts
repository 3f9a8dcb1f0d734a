import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { WebSocket } from "ws";
import { STREAM_KEY, STREAM_PATH, STREAM_PROTOCOL } from "#shared/protocol";
import { newKey } from "../guard/keys.ts";
import type { CloudConfig } from "../options/config.ts";
import { buildServer } from "../server.ts";
import { testConfig } from "../testing/fixture.ts";
import { errorOf, inferCall, openStream } from "./stream-fixture.ts";

const cleanUps: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

async function listening(change: Partial<CloudConfig>): Promise<string> {
  const server = await buildServer(testConfig(change));
  cleanUps.push(() => server.close(0));
  await server.app.listen({ host: "127.0.0.1", port: 0 });
  await server.ready;
  return `http://127.0.0.1:${(server.app.server.address() as AddressInfo).port}`;
}

/** The status with which an upgrade is refused, or the subprotocol that was agreed on. */
function upgrade(
  url: string,
  protocols: readonly string[],
  options: WebSocket.ClientOptions = {},
): Promise<number | string> {
  const socket = new WebSocket(`${url.replace("http", "ws")}${STREAM_PATH}`, [...protocols], options);
  return new Promise((resolve, reject) => {
    socket.on("error", reject);
    socket.on("unexpected-response", (_, response) => {
      resolve(response.statusCode!);
      response.destroy();
    });
    socket.on("open", () => {
      resolve(socket.protocol);
      socket.terminate();
    });
  });
}

test("a stream needs the key as any request does; browsers bring it as a subprotocol", async () => {
  const dir = await mkdtemp(join(tmpdir(), "eddi-keys-"));
  cleanUps.push(() => rm(dir, { recursive: true }));
  const { key, line } = newKey("page");
  const keysFile = join(dir, "keys");
  await writeFile(keysFile, line);
  const url = await listening({ keysFile });
  expect(await upgrade(url, [STREAM_PROTOCOL])).toBe(401);
  expect(await upgrade(url, [STREAM_PROTOCOL, `${STREAM_KEY}${newKey("other").key}`])).toBe(401);
  expect(await upgrade(url, [STREAM_PROTOCOL, `${STREAM_KEY}${key}`])).toBe(STREAM_PROTOCOL);
  const headers = { authorization: `Bearer ${key}` };
  expect(await upgrade(url, [STREAM_PROTOCOL], { headers })).toBe(STREAM_PROTOCOL);
});

test("a key that is good no more ends what its streams may, though they were opened with it", async () => {
  const dir = await mkdtemp(join(tmpdir(), "eddi-keys-"));
  cleanUps.push(() => rm(dir, { recursive: true }));
  const [page, other] = [newKey("page"), newKey("other")];
  const keysFile = join(dir, "keys");
  await writeFile(keysFile, `${page.line}\n${other.line}`);
  const url = await listening({ keysFile });
  const clientOf = ({ key }: { key: string }) =>
    openStream(url, { headers: { authorization: `Bearer ${key}` } });
  const [first, second] = [await clientOf(page), await clientOf(other)];
  expect((await first.ask(inferCall(1))).status).toBe(200);
  await writeFile(keysFile, other.line);
  let id = 2;
  await expect
    .poll(async () => (await first.ask(inferCall(id++))).status, { timeout: 20_000, interval: 200 })
    .toBe(401);
  expect(errorOf(await first.ask(inferCall(id)))).toMatch(/^expected a key/);
  expect((await second.ask(inferCall(1))).status).toBe(200);
  for (const { socket } of [first, second]) socket.terminate();
}, 40_000);

test("every message counts for the rate limit as a request does", async () => {
  const url = await listening({ rate: { perSecond: 0.01, burst: 4 } });
  const client = await openStream(url);
  // The upgrade was the first.
  const replies = await Promise.all(
    [1, 2, 3, 4, 5].map((id) => client.ask({ ...inferCall(id), model: "none" })),
  );
  // Nothing runs that would count for more.
  expect(replies.map(({ status }) => status).sort()).toEqual([404, 404, 404, 429, 429]);
  const refused = replies.find(({ status }) => status === 429)!;
  expect(errorOf(refused)).toBe("expected at most 0.01 requests a second, got more");
  expect(refused.retryAfterS).toBeGreaterThan(1);
  client.socket.terminate();
});

test("pages of other origins may open one only if they may send requests", async () => {
  const url = await listening({ corsOrigins: ["https://a.example"] });
  expect(await upgrade(url, [STREAM_PROTOCOL], { origin: "https://b.example" })).toBe(403);
  expect(await upgrade(url, [STREAM_PROTOCOL], { origin: "https://a.example" })).toBe(STREAM_PROTOCOL);
  expect(await upgrade(url, [STREAM_PROTOCOL], { origin: url })).toBe(STREAM_PROTOCOL);
});
