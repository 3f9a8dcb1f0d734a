import { once } from "node:events";
import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { EddiError } from "#shared/errors";
import { encodeCall } from "#shared/protocol";
import { buildServer, type CloudServer } from "../server.ts";
import { errorOf, inferCall, openStream, scoresOf } from "../stream/stream-fixture.ts";
import { Shed } from "../tails/executor.ts";
import { INFER } from "../testing/child-fixture.ts";
import { testConfig } from "../testing/fixture.ts";
import { BytesUnderWay } from "./bytes-under-way.ts";
import { defaultBytesUnderWay } from "./memory-limit.ts";

const BODY_LIMIT = 4 << 20;
const MOST = 2 * BODY_LIMIT;

let server: CloudServer;
let url: string;
let port: number;
beforeAll(async () => {
  server = await buildServer(testConfig({ bodyLimitBytes: BODY_LIMIT, maxBytesUnderWay: MOST }));
  await server.app.listen({ host: "0.0.0.0", port: 0 });
  port = (server.app.server.address() as AddressInfo).port;
  url = `http://127.0.0.1:${port}`;
  await server.ready;
}, 60_000);
afterAll(() => server.close(0));

test("the client who has most loses its largest body, and who asks for more than others have is refused", () => {
  const bytes = new BytesUnderWay(100);
  const lost: string[] = [];
  const hold = (client: string, name: string) =>
    bytes.hold(client, (why) => {
      expect((why.cause as Shed).reason).toBe("memory");
      lost.push(name);
    });
  hold("ada", "ada 1").set(40);
  const small = hold("ada", "ada 2");
  small.set(20);
  const own = hold("ada", "ada 3");
  expect(() => own.set(50)).toThrow(/at most 100 bytes of bodies under way/);
  hold("bob", "bob").set(30);
  expect([bytes.bytes, lost]).toEqual([90, []]);
  hold("eve", "eve").set(20);
  expect([bytes.bytes, lost]).toEqual([70, ["ada 1"]]);
  const most = hold("eve", "eve 2");
  expect(() => most.set(40)).toThrow();
  small.release();
  small.release();
  expect(bytes.bytes).toBe(50);
});

test("the default is an eighth of the memory there is, but two bodies at least", () => {
  expect(defaultBytesUnderWay(16 << 20, 2 ** 31)).toBe(2 ** 28);
  expect(defaultBytesUnderWay(16 << 20, 2 ** 26)).toBe(2 ** 25);
  expect(defaultBytesUnderWay(16 << 20, 2 ** 40)).toBe(2 ** 30);
});

/** A body that does not end, from an address of its own. */
function beginBody(bytes: number, localAddress: string): { sent: ClientRequest; status: Promise<number> } {
  const sent = httpRequest({
    port,
    localAddress,
    host: "127.0.0.1",
    ...{ method: "POST", path: INFER.path, headers: { "content-length": BODY_LIMIT } },
  });
  sent.on("error", () => {});
  const status = once(sent, "response").then(([answer]: IncomingMessage[]) => answer!.statusCode!);
  status.catch(() => {});
  sent.write(Buffer.alloc(bytes));
  return { sent, status };
}

const metric = async (name: string): Promise<number> => {
  const { body } = await server.app.inject("/metrics");
  return Number(new RegExp(`^eddi_${name} (\\S+)$`, "m").exec(body)?.[1] ?? 0);
};
const held = () => metric("bytes_under_way");
const health = async () => (await fetch(`${url}/v2/health/live`)).status;
const infer = () => fetch(`${url}${INFER.path}`, INFER);

test("bodies beyond the bound are refused with 503, others are served, and nothing stays", async () => {
  expect((await infer()).status).toBe(200);
  expect(await held()).toBe(0);
  const first = [beginBody(3 << 20, "127.0.0.2"), beginBody(3 << 20, "127.0.0.2")];
  await expect.poll(held).toBe(MOST);
  const over = beginBody(3 << 20, "127.0.0.2");
  expect(await over.status).toBe(503);
  expect(await metric('shed_total{cause="memory"}')).toBe(1);
  // Another client's request is worth more than a client's second large one.
  const answer = await infer();
  expect([answer.status, await health()]).toEqual([200, 200]);
  expect(await Promise.race(first.map(({ status }) => status))).toBe(503);
  for (const { sent } of [...first, over]) sent.destroy();
  await expect.poll(held).toBe(0);
});

test("a refusal tells when to come back, and the connection goes on once the body is over", async () => {
  const rest = [beginBody(4e6, "127.0.0.3"), beginBody(4e6, "127.0.0.3")];
  await expect.poll(held).toBe(MOST);
  const socket = connect({ port, host: "127.0.0.1", localAddress: "127.0.0.3" });
  let came = "";
  socket
    .on("error", () => {})
    .on("data", (chunk) => {
      came += chunk;
    });
  socket.write(`POST ${INFER.path} HTTP/1.1\r\nhost: eddi\r\ncontent-length: 4000000\r\n\r\n`);
  socket.write(Buffer.alloc(4_000_000));
  socket.write("GET /v2/health/live HTTP/1.1\r\nhost: eddi\r\n\r\n");
  await expect.poll(() => came).toContain('{"live":true}');
  expect(came).toMatch(/^HTTP\/1\.1 503 [\s\S]*\r\nretry-after: 1\r\n/);
  expect(came).toContain(
    `{"error":"body: expected at most ${MOST} bytes of bodies under way at once, got more: try again"}`,
  );
  socket.destroy();
  for (const { sent } of rest) sent.destroy();
  await expect.poll(held).toBe(0);
});

test("of many bodies at once as many are kept as there is room for, all others are told, and all is given back", async () => {
  const all = Array.from({ length: 60 }, (_, at) => beginBody(3 << 20, `127.0.1.${1 + (at % 4)}`));
  let told = 0;
  for (const { status } of all) {
    status.then(
      (code) => {
        if (code === 503) told++;
      },
      () => {},
    );
  }
  await expect.poll(() => told, { timeout: 30_000 }).toBeGreaterThanOrEqual(58);
  expect(await held()).toBeLessThanOrEqual(MOST);
  expect([await health(), (await infer()).status]).toEqual([200, 200]);
  for (const { sent } of all) sent.destroy();
  await expect.poll(held).toBe(0);
  await expect.poll(() => metric("connections"), { timeout: 8_000 }).toBeLessThan(5);
}, 60_000);

test("what comes out of an archive counts", async () => {
  const rest = beginBody(3 << 20, "127.0.0.4");
  await expect.poll(held).toBe(BODY_LIMIT);
  const body = gzipSync(Buffer.alloc(BODY_LIMIT));
  const headers = { "content-encoding": "gzip" };
  const answers = Array.from({ length: 4 }, () =>
    fetch(`${url}${INFER.path}`, { method: "POST", headers, body }).then(({ status }) => status),
  );
  // One client's archives are no reason to take more than there is; whichever is read is no frame.
  const statuses = await Promise.all(answers);
  expect(statuses.filter((status) => ![400, 413, 503].includes(status))).toEqual([]);
  rest.sent.destroy();
  await expect.poll(held).toBe(0);
});

test("messages that come on streams count; a stream that has no room is closed", async () => {
  const client = await openStream(url);
  expect(scoresOf(await client.ask(inferCall(1)))).toHaveLength(40);
  const large = encodeCall({ ...inferCall(2), body: new Uint8Array(4_000_000) });
  const raw = (client.socket as unknown as { _socket: import("node:net").Socket })._socket;
  const others = await Promise.all([3, 4].map(() => openStream(url)));
  const all = [client, ...others];
  for (const { socket } of all) {
    // The frame says that more comes.
    const head = Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 0x3d, 0x09, 0x20, 0, 0, 0, 0]);
    const below = (socket as unknown as { _socket: import("node:net").Socket })._socket;
    below.write(head);
    below.write(large.subarray(0, 3_900_000));
  }
  const { code, reason } = await Promise.race(all.map(({ closed }) => closed));
  expect([code, reason]).toEqual([1013, expect.stringContaining("bytes of bodies under way")]);
  expect((await infer()).status).toBe(200);
  raw.destroy();
  for (const { socket } of all) socket.terminate();
  await expect.poll(held).toBe(0);
}, 20_000);

test("a call on a stream that finds no room is told so, and the stream goes on", async () => {
  const client = await openStream(url, { localAddress: "127.0.0.5" });
  const rest = [beginBody(4e6, "127.0.0.5"), beginBody(4e6, "127.0.0.5")];
  await expect.poll(held).toBe(MOST);
  const refused = await client.ask(inferCall(1));
  expect([refused.status, refused.retryAfterS]).toEqual([503, 1]);
  expect(errorOf(refused)).toContain("bytes of bodies under way");
  for (const { sent } of rest) sent.destroy();
  await expect.poll(held).toBe(0);
  expect((await client.ask(inferCall(2))).status).toBe(200);
  client.socket.terminate();
});

test("whoever loses a body is told why", async () => {
  const bytes = new BytesUnderWay(10);
  let why: EddiError | null = null;
  bytes
    .hold("ada", (told) => {
      why = told;
    })
    .set(10);
  bytes.hold("bob", () => {}).set(5);
  expect(why).toMatchObject({ code: "unavailable", cause: expect.any(Shed) });
});
