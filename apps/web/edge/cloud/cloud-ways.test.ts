import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { WebSocket as Client, type WebSocket as ServerSide, WebSocketServer } from "ws";
import type { Transport } from "#shared/model";
import { decodeCall, encodeReply, HEADER_LENGTH, type StreamCall } from "#shared/protocol";
import { CloudStream } from "../../service/cloud-stream.ts";
import { Service } from "../../service/service.ts";
import { CloudWays } from "./cloud-ways.ts";

type Infer = Extract<StreamCall, { kind: "infer" }>;

const service = new Service({ baseUrl: "http://service/", key: null });
const never = new AbortController().signal;
const ASK = { model: "tiny", version: "v", encoding: null, jsonBytes: 2, body: Uint8Array.from([1, 2]) };
const closing: (() => void)[] = [];
let posted = 0;

beforeEach(() => {
  posted = 0;
  vi.stubGlobal("fetch", async () => {
    posted++;
    return new Response("over fetch", {
      headers: { [HEADER_LENGTH]: "10", "server-timing": "receive;dur=3" },
    });
  });
});
afterEach(() => {
  for (const close of closing.splice(0)) close();
  vi.unstubAllGlobals();
});

/** The other end of a real WebSocket, which does as a test says with each call. */
async function listen(onCall: (call: Infer, socket: ServerSide) => void) {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  const cancelled: number[] = [];
  const sockets: ServerSide[] = [];
  server.on("connection", (socket) => {
    sockets.push(socket);
    socket.on("message", (data: Buffer) => {
      const call = decodeCall(data);
      if (call.kind === "cancel") cancelled.push(call.id);
      else onCall(call, socket);
    });
  });
  await once(server, "listening");
  closing.push(() => {
    for (const socket of sockets) socket.terminate();
    server.close();
  });
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  let opened = 0;
  const stream = new CloudStream(() => {
    opened++;
    const socket = new Client(url);
    // What a browser tells by an event, ws throws where nobody listens.
    socket.on("error", () => {});
    return socket as unknown as WebSocket;
  });
  return { server, stream, sockets, cancelled, opened: () => opened };
}

const reply = ({ id }: Infer, status = 200) =>
  encodeReply({
    kind: "reply",
    id,
    status,
    jsonBytes: 11,
    times: { queueMs: 1, computeMs: 2, isStandIn: true, expectedQueueMs: 0 },
    retryAfterS: status === 503 ? 4 : null,
    body: new TextEncoder().encode("over stream"),
  });
const answer = (call: Infer, socket: ServerSide): void => socket.send(reply(call));

/** Sends one, and tells the ways that it went. */
async function send(ways: CloudWays, signal = never) {
  const went: Transport[] = [];
  const message = await ways.send(ASK, signal, (way) => went.push(way));
  return { ...message, text: new TextDecoder().decode(message.body), went };
}

test("the first request does not wait for the stream to open, the next ones go over it", async () => {
  const calls: Infer[] = [];
  const { stream, opened } = await listen((call, socket) => {
    calls.push({ ...call, body: Uint8Array.from(call.body) });
    answer(call, socket);
  });
  const ways = new CloudWays(service, stream, null);
  expect(await send(ways)).toMatchObject({
    went: ["fetch"],
    text: "over fetch",
    jsonBytes: 10,
    times: { receiveMs: 3 },
  });
  await stream.opened();
  expect(await send(ways)).toMatchObject({
    went: ["stream"],
    text: "over stream",
    status: 200,
    jsonBytes: 11,
    times: { receiveMs: null, queueMs: 1, computeMs: 2, isStandIn: true },
    retryAfterS: null,
  });
  expect(calls).toEqual([{ kind: "infer", id: 0, ...ASK }]);
  expect([opened(), posted]).toEqual([1, 1]);
});

test("replies find their requests in any order, refusals too", async () => {
  const held: [Infer, ServerSide][] = [];
  const { stream } = await listen((call, socket) => {
    held.push([call, socket]);
    if (held.length < 3) return;
    for (const [one, other] of held.reverse()) other.send(reply(one, one.id === 1 ? 503 : 200));
  });
  await stream.opened();
  const ways = new CloudWays(service, stream, null);
  const all = await Promise.all([send(ways), send(ways), send(ways)]);
  expect(all.map(({ status, retryAfterS }) => [status, retryAfterS])).toEqual([
    [200, null],
    [503, 4],
    [200, null],
  ]);
});

test("what is given up is cancelled at the service, and its stream stays", async () => {
  const { stream, cancelled } = await listen((call, socket) => {
    if (call.id > 0) answer(call, socket);
  });
  await stream.opened();
  const ways = new CloudWays(service, stream, null);
  const over = new AbortController();
  const given = send(ways, over.signal);
  await sleep(50);
  over.abort(new Error("enough"));
  await expect(given).rejects.toThrow("enough");
  expect((await send(ways)).went).toEqual(["stream"]);
  expect(cancelled).toEqual([0]);
});

test("a request whose stream dies goes by fetch, and so do the next ones until the stream is back", async () => {
  const { stream, sockets, opened } = await listen((call, socket) => {
    if (sockets.length === 1) socket.terminate();
    else answer(call, socket);
  });
  await stream.opened();
  const ways = new CloudWays(service, stream, null);
  expect(await send(ways)).toMatchObject({ went: ["stream", "fetch"], text: "over fetch" });
  expect((await send(ways)).went).toEqual(["fetch"]);
  expect(opened()).toBe(1);
  await expect.poll(async () => (await send(ways)).went, { interval: 100 }).toEqual(["stream"]);
  expect(opened()).toBe(2);
});

test("asked to leave, it answers what is under way, closes, and goes by fetch meanwhile", async () => {
  const { stream, sockets } = await listen(async (call, socket) => {
    socket.send(encodeReply({ kind: "leave" }));
    await sleep(100);
    answer(call, socket);
  });
  await stream.opened();
  const ways = new CloudWays(service, stream, null);
  const closed = once(sockets[0]!, "close");
  const under = send(ways);
  await expect.poll(() => stream.isOpen).toBe(false);
  expect((await send(ways)).went).toEqual(["fetch"]);
  expect((await under).went).toEqual(["stream"]);
  await closed;
});

test("a reply that is none ends the stream, and costs no answer", async () => {
  const { stream } = await listen((_, socket) => socket.send(Uint8Array.from([1, 2, 3])));
  await stream.opened();
  expect((await send(new CloudWays(service, stream, null))).went).toEqual(["stream", "fetch"]);
});

test("a stream on which nothing was heard for long is in doubt when a request is given up", async () => {
  const { stream } = await listen(() => {});
  await stream.opened();
  const ways = new CloudWays(service, stream, null);
  const over = new AbortController();
  const [given, other] = [send(ways, over.signal), send(ways)];
  await sleep(2_100);
  over.abort(new Error("enough"));
  await expect(given).rejects.toThrow("enough");
  expect((await other).went).toEqual(["stream", "fetch"]);
});

test("where there is no stream, all goes by fetch; one that is forced fails", async () => {
  const { server, stream, opened } = await listen(() => {});
  server.close();
  const ways = new CloudWays(service, stream, null);
  for (let at = 0; at < 5; at++) expect((await send(ways)).went).toEqual(["fetch"]);
  expect(opened()).toBe(1);
  await expect(send(new CloudWays(service, stream, "stream"))).rejects.toMatchObject({ code: "unavailable" });
  const blocked = new CloudStream(() => {
    throw new Error("blocked by a policy");
  });
  expect((await send(new CloudWays(service, blocked, null))).went).toEqual(["fetch"]);
  expect((await send(new CloudWays(service, blocked, "fetch"))).went).toEqual(["fetch"]);
});

test("a stream that is forced is waited for, and fetch is never used", async () => {
  const { stream } = await listen(answer);
  expect((await send(new CloudWays(service, stream, "stream"))).went).toEqual(["stream"]);
  expect(posted).toBe(0);
  expect((await send(new CloudWays(service, stream, "fetch"))).went).toEqual(["fetch"]);
});
