import { once } from "node:events";
import { request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { deflateSync, gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { encodeCall, HEADER_LENGTH, STREAM_PATH } from "#shared/protocol";
import { buildServer, type CloudServer } from "../server.ts";
import { testConfig } from "../testing/fixture.ts";
import { errorOf, inferCall, openStream, type Reply, type StreamClient, scoresOf } from "./stream-fixture.ts";

const LIMIT = 1 << 20;

let server: CloudServer;
let url: string;
const opened: StreamClient[] = [];
beforeAll(async () => {
  server = await buildServer(testConfig({ bodyLimitBytes: LIMIT }));
  await server.app.listen({ host: "127.0.0.1", port: 0 });
  url = `http://127.0.0.1:${(server.app.server.address() as AddressInfo).port}`;
  await server.ready;
});
afterEach(() => {
  for (const { socket } of opened.splice(0)) socket.terminate();
});
afterAll(() => server.close());

const open = async (options: WebSocket.ClientOptions = {}): Promise<StreamClient> => {
  const client = await openStream(url, options);
  opened.push(client);
  return client;
};
type Call = ReturnType<typeof inferCall>;

/** The same call over HTTP. */
async function post({ model, version, body, jsonBytes, encoding }: Call) {
  const path = `/v2/models/${model}${version === null ? "" : `/versions/${version}`}/infer`;
  const answer = await fetch(url + path, {
    method: "POST",
    headers: {
      "content-type": "application/octet-stream",
      ...(jsonBytes === null ? {} : { [HEADER_LENGTH]: `${jsonBytes}` }),
      ...(encoding === null ? {} : { "content-encoding": encoding }),
    },
    body: Buffer.from(body),
  });
  const told = answer.headers.get(HEADER_LENGTH);
  const bytes = new Uint8Array(await answer.arrayBuffer());
  return { status: answer.status, jsonBytes: told === null ? null : Number(told), body: bytes };
}

const text = (value: object): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const floats = (bytes: Uint8Array): Float32Array => new Float32Array(bytes.slice().buffer);
/** Times differ, by value and so by length. */
const withoutTimes = ({ status, jsonBytes, body }: Pick<Reply, "status" | "jsonBytes" | "body">) => {
  const json = JSON.parse(new TextDecoder().decode(body.subarray(0, jsonBytes ?? body.length)));
  const { exit } = json.parameters ?? {};
  return {
    status,
    binary: [...body.subarray(jsonBytes ?? body.length)],
    json: { ...json, parameters: exit },
  };
};

test("answers are those of HTTP, bit for bit: any encoding, exit and version, in binary and in JSON", async () => {
  const client = await open();
  const described = await fetch(`${url}/v2/models/tiny`);
  const { versions } = (await described.json()) as { versions: string[] };
  const plain = inferCall(1, { images: 3 });
  const data = Array.from({ length: 3072 }, (_, at) => at % 256);
  const json = text({ id: "a", inputs: [{ name: "image", datatype: "UINT8", shape: [1, 32, 32, 3], data }] });
  const calls: Call[] = [
    plain,
    { ...plain, encoding: "deflate", body: deflateSync(plain.body) },
    { ...plain, encoding: "gzip", body: gzipSync(plain.body) },
    { ...plain, version: versions[0]! },
    inferCall(1, { exit: "exit1" }),
    { ...plain, jsonBytes: null, body: json },
  ];
  for (const call of calls) {
    const reply = await client.ask(call);
    expect(reply.status).toBe(200);
    expect(reply.times!.computeMs).toBeGreaterThan(0);
    expect(withoutTimes(reply)).toEqual(withoutTimes(await post(call)));
  }
});

test("errors are those of HTTP: status and text", async () => {
  const client = await open();
  const plain = inferCall(1);
  const calls: Call[] = [
    { ...plain, model: "nobody" },
    { ...plain, version: "0000000000000000" },
    inferCall(1, { images: 33 }),
    inferCall(1, { exit: "nowhere" }),
    { ...plain, jsonBytes: 0 },
    { ...plain, jsonBytes: null },
    { ...plain, body: plain.body.subarray(0, 200) },
    { ...plain, body: new Uint8Array(0) },
    { ...plain, encoding: "gzip" },
    { ...plain, encoding: "deflate", body: deflateSync(Buffer.alloc(2 * LIMIT)) },
  ];
  for (const call of calls) {
    const [reply, answer] = [await client.ask(call), await post(call)];
    expect(reply.status).toBeGreaterThanOrEqual(400);
    expect([reply.status, errorOf(reply)]).toEqual([answer.status, errorOf(answer)]);
  }
  expect((await client.ask(plain)).status).toBe(200);
});

test("many calls are under way at once, and each gets its own answer", async () => {
  const clients = [await open(), await open()];
  const calls = Array.from({ length: 20 }, (_, seed) => inferCall(seed, { seed, images: 1 + (seed % 3) }));
  const expected = [];
  for (const call of calls) expected.push(scoresOf(await post(call)));
  for (const client of clients) {
    const replies = await Promise.all(calls.map((call) => client.ask(call)));
    expect(replies.map(({ id }) => id)).toEqual(calls.map(({ id }) => id));
    // The service may run some together, which changes last bits.
    for (const [at, reply] of replies.entries()) {
      for (const [index, score] of floats(scoresOf(reply)).entries()) {
        expect(score).toBeCloseTo(floats(expected[at]!)[index]!, 5);
      }
    }
  }
  expect(new Set(expected.map(String)).size).toBe(20);
});

test("a malformed envelope is told so where it has an id, and ends the stream where it has none", async () => {
  const client = await open();
  const unknown = encodeCall(inferCall(9));
  unknown[0] = 77;
  const answered = once(client.socket, "message");
  client.socket.send(unknown);
  expect(String((await answered)[0])).toContain("envelope: kind: expected 1 or 2, got 77");
  expect((await client.ask(inferCall(10))).status).toBe(200);

  client.socket.send(Uint8Array.from([1, 2, 3]));
  expect(await client.closed).toEqual({
    code: 1002,
    reason: "envelope: expected 16 bytes or more, got 3",
  });
  const chatty = await open();
  chatty.socket.send("hello");
  expect(await chatty.closed).toEqual({ code: 1003, reason: "expected binary messages, got text" });
});

test("an id that is under way cannot be used again", async () => {
  const client = await open();
  // It waits behind so many others that it is still under way when the second comes.
  for (let id = 10; id < 40; id++) client.socket.send(encodeCall(inferCall(id, { images: 8 })));
  for (let at = 0; at < 2; at++) client.socket.send(encodeCall(inferCall(5)));
  expect(await client.closed).toEqual({
    code: 1002,
    reason: "expected another id than 5, which is under way",
  });
});

test("bodies are limited as over HTTP; what is far above the limit is not even taken in", async () => {
  const client = await open();
  const reply = await client.ask({ ...inferCall(1), body: new Uint8Array(LIMIT + 1) });
  expect([reply.status, errorOf(reply)]).toEqual([
    413,
    `body: expected at most ${LIMIT} bytes, got ${LIMIT + 1}`,
  ]);
  client.socket.send(encodeCall({ ...inferCall(2), body: new Uint8Array(2 * LIMIT) }));
  expect((await client.closed).code).toBe(1009);
});

test("pages from elsewhere get no stream; ours and programs do", async () => {
  const refused = new WebSocket(`${url.replace("http", "ws")}${STREAM_PATH}`, {
    origin: "https://evil.test",
  });
  const [request, answer] = await once(refused, "unexpected-response");
  expect(answer.statusCode).toBe(403);
  let body = "";
  for await (const chunk of answer) body += chunk;
  expect(JSON.parse(body)).toEqual({
    error: `origin: expected a page of ${new URL(url).host}, got https://evil.test`,
  });
  request.destroy();
  const ours = await open({ origin: url });
  expect((await ours.ask(inferCall(1))).status).toBe(200);
});

test("a plain request to the path is told what is expected", async () => {
  const answer = await fetch(url + STREAM_PATH);
  expect([answer.status, answer.headers.get("upgrade")]).toEqual([426, "websocket"]);
  expect(await answer.json()).toEqual({ error: "expected a WebSocket, subprotocol eddi.v1" });
});

test("requests that offer another protocol, or another path, are answered as if they did not", async () => {
  const { body, jsonBytes } = inferCall(1);
  const ask = async (path: string, method: string, upgrade: string) => {
    const sent = httpRequest(url + path, {
      method,
      headers: {
        connection: "Upgrade, HTTP2-Settings",
        upgrade,
        "http2-settings": "AAMAAABkAAQCAAAAAAIAAAAA",
        "content-type": "application/octet-stream",
        ...(method === "POST" ? { "content-length": body.byteLength, [HEADER_LENGTH]: `${jsonBytes}` } : {}),
      },
    });
    sent.end(method === "POST" ? body : undefined);
    const [answer] = await once(sent, "response");
    answer.resume();
    return answer.statusCode;
  };
  expect(await ask("/v2/models/tiny/infer", "POST", "h2c")).toBe(200);
  expect(await ask("/v2/health/live", "GET", "websocket")).toBe(200);
  expect(await ask("/v2/nowhere", "GET", "websocket")).toBe(404);
});

test("streams and their calls are counted", async () => {
  const scrape = async (line: string): Promise<number> => {
    const text = (await server.app.inject("/metrics")).body;
    const found = text.split("\n").find((candidate) => candidate.startsWith(`${line} `));
    return Number(found?.slice(line.length + 1) ?? 0);
  };
  const requests = (status: number) => `eddi_requests_total{route="/v2/stream",status="${status}"}`;
  await expect.poll(() => scrape("eddi_stream_connections")).toBe(0);
  const [ok, bad] = [await scrape(requests(200)), await scrape(requests(404))];
  const exits = await scrape('eddi_exits_total{model="tiny",exit="exit1"}');
  const client = await open();
  expect(await scrape("eddi_stream_connections")).toBe(1);
  await client.ask(inferCall(1, { exit: "exit1" }));
  await client.ask({ ...inferCall(2), model: "nobody" });
  expect(await scrape(requests(200))).toBe(ok + 1);
  expect(await scrape(requests(404))).toBe(bad + 1);
  expect(await scrape('eddi_exits_total{model="tiny",exit="exit1"}')).toBe(exits + 1);
});
