import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { FastifyRequest } from "fastify";
import { afterEach, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import type { StreamLimits } from "./connection.ts";
import { inferCall, openStream } from "./stream-fixture.ts";
import { Streams } from "./streams.ts";

const CLOSERS: (() => void)[] = [];
afterEach(() => {
  for (const close of CLOSERS.splice(0)) close();
});

/** Real sockets; each call is answered with so many bytes. */
async function serve(
  limits: Partial<StreamLimits>,
  replyBytes = 1,
): Promise<{ streams: Streams; url: string }> {
  const streams = new Streams(async (_, { id }) => {
    const body = new Uint8Array(replyBytes);
    return { kind: "reply", id, status: 200, jsonBytes: null, times: null, retryAfterS: null, body };
  }, limits);
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  server.on("connection", (socket, raw) => streams.add(socket, { raw } as FastifyRequest));
  await once(server, "listening");
  CLOSERS.push(() => {
    streams.close(() => server.close());
    streams.closeAllConnections();
  });
  return { streams, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

test("a peer that answers no ping is dropped, one that does is kept", async () => {
  const { streams, url } = await serve({ pingMs: 100 });
  const alive = await openStream(url);
  const dead = await openStream(url, { autoPong: false });
  expect((await dead.closed).code).toBe(1006);
  await expect.poll(() => streams.size).toBe(1);
  expect((await alive.ask(inferCall(1))).status).toBe(200);
});

test("a message that trickles for longer than it may take ends its stream", async () => {
  const { url } = await serve({ pingMs: 50, receiveMs: 400 });
  const client = await openStream(url, { autoPong: false });
  // The beginning of a message of 100 bytes, masked, and then one byte after another.
  const raw = (client.socket as unknown as { _socket: NodeJS.WritableStream })._socket;
  raw.write(Uint8Array.from([0x82, 0x80 | 100, 0, 0, 0, 0]));
  const trickle = setInterval(() => raw.write(Uint8Array.from([1])), 20);
  expect((await client.closed).code).toBe(1006);
  clearInterval(trickle);
});

test("a stream without calls is closed after a while", async () => {
  const { url } = await serve({ pingMs: 20, idleMs: 100 });
  expect(await (await openStream(url)).closed).toEqual({ code: 1001, reason: "no calls" });
});

test("a stream that is old is asked to leave, and still answered", async () => {
  const { url } = await serve({ pingMs: 20, leaveMs: 50 });
  const client = await openStream(url);
  await client.left;
  expect((await client.ask(inferCall(1))).status).toBe(200);
});

test("a client that does not read its replies is cut off", async () => {
  const { streams, url } = await serve({ maxUnreadBytes: 100_000, maxInFlight: 1000 }, 1 << 20);
  const client = await openStream(url);
  client.socket.pause();
  for (let id = 0; id < 64; id++) client.ask(inferCall(id)).catch(() => {});
  await expect.poll(() => streams.size).toBe(0);
  client.socket.resume();
  await client.closed;
});

test("all may be asked to leave; then idle ones are closed, calls refused, and the end is told", async () => {
  const { streams, url } = await serve({});
  const clients = [await openStream(url), await openStream(url)];
  streams.leave();
  await Promise.all(clients.map(({ left }) => left));
  await (await openStream(url)).left;
  expect((await clients[0]!.ask(inferCall(1))).status).toBe(200);
  let ended = false;
  streams.close(() => {
    ended = true;
  });
  expect(ended).toBe(false);
  streams.closeIdleConnections();
  for (const { closed } of clients) expect(await closed).toEqual({ code: 1012, reason: "the service ends" });
  await expect.poll(() => ended).toBe(true);
});
