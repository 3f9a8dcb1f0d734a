import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { deflateSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { encodeRequest, HEADER_LENGTH, STREAM_PATH, STREAM_PROTOCOL } from "#shared/protocol";
import { buildServer, type CloudServer } from "../server.ts";
import { inferCall, openStream } from "../stream/stream-fixture.ts";
import { post, postBytes, request, scoresOf, testConfig, tinyImage } from "../testing/fixture.ts";
import { sendBytes } from "../testing/raw-http-fixture.ts";

const IMAGE = tinyImage();
const INPUT = { name: "image", shape: [1, 32, 32, 3], datatype: "UINT8", data: [...IMAGE.data] };
const { body: FRAME, jsonBytes: FRAME_JSON } = encodeRequest(request([IMAGE]));
const FRAMED = { [HEADER_LENGTH]: String(FRAME_JSON) };
const INFER = "/v2/models/tiny/infer";

let server: CloudServer;
let port: number;
let expected: Float32Array;
beforeAll(async () => {
  server = await buildServer(testConfig());
  await server.ready;
  await server.app.listen({ host: "127.0.0.1", port: 0 });
  port = (server.app.server.address() as AddressInfo).port;
  expected = scoresOf(await post(server.app, request([IMAGE])));
});
afterAll(() => server.close(0));

const bytesOf = (json: object) => new TextEncoder().encode(JSON.stringify(json));
const send = (json: object, headers: Record<string, string> = {}) =>
  postBytes(server.app, bytesOf(json), { "content-type": "application/json", ...headers });
/** Without a content type, or with one. */
const sendTyped = (type: string | null, payload: Uint8Array, headers: Record<string, string> = {}) => {
  const typed = type === null ? {} : { "content-type": type };
  return server.app.inject({
    method: "POST",
    url: INFER,
    headers: { ...typed, ...headers },
    payload: Buffer.from(payload),
  });
};

describe("null is as absent", () => {
  test("in an id, in parameters, and in what they stand for", async () => {
    const outputs = [
      { name: "exit3", parameters: { binary_data: null, classification: null } },
      { name: "exit1", parameters: null },
    ];
    const input = { ...INPUT, parameters: { binary_data_size: null, mine: null } };
    const parameters = { exit: null, timeout: null, binary_data_output: null, allow_earlier_exit: null };
    const answer = await send({ id: null, parameters, inputs: [input], outputs });
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).not.toHaveProperty("id");
    expect(Float32Array.from(answer.json().outputs[0].data)).toEqual(expected);
    const bare = await send({ id: null, parameters: null, inputs: [INPUT], outputs: null });
    expect(bare.json().outputs).toMatchObject([{ name: "exit3", data: expect.any(Array) }]);
  });

  test("on a stream", async () => {
    const client = await openStream(`http://127.0.0.1:${port}`);
    const body = bytesOf({ id: null, parameters: { exit: null }, inputs: [INPUT] });
    const reply = await client.ask({ ...inferCall(1), body, jsonBytes: null });
    expect(reply.status).toBe(200);
    expect(JSON.parse(new TextDecoder().decode(reply.body))).not.toHaveProperty("id");
    client.socket.terminate();
  });

  test("but not where something has to be", async () => {
    for (const json of [{ inputs: null }, { inputs: [{ ...INPUT, name: null }] }, { inputs: [null] }]) {
      expect((await send(json)).statusCode).toBe(400);
    }
    const nested = await send({ inputs: [INPUT], parameters: { exit: ["exit1"] } });
    expect(nested.json().error).toMatch(/parameter exit: expected a string, number or boolean/);
  });
});

describe("a content type", () => {
  const json = bytesOf({ inputs: [INPUT] });
  const raw = new Uint8Array(4 * IMAGE.data.length);

  test.each([
    null,
    "",
    "application/json",
    "APPLICATION/JSON; Charset=UTF-8",
    "application/vnd.kserve+json",
    "text/json",
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/octet-stream",
    "application/x-tensors",
    "binary/octet-stream",
  ])("that does not contradict JSON is taken: %j", async (type) => {
    const answer = await sendTyped(type, json);
    expect([answer.statusCode, answer.body.slice(0, 2)]).toEqual([200, '{"']);
  });

  test.each([null, "", "application/octet-stream", "application/json", "application/x-tensors"])(
    "that does not contradict a frame is taken: %j",
    async (type) => {
      expect((await sendTyped(type, FRAME, FRAMED)).statusCode).toBe(200);
      const packed = { ...FRAMED, "content-encoding": "gzip" };
      expect((await sendTyped(type, gzipSync(FRAME), packed)).statusCode).toBe(200);
    },
  );

  test.each([null, "application/octet-stream"])("that does not contradict bare values: %j", async (type) => {
    expect((await sendTyped(type, raw, { [HEADER_LENGTH]: "0" })).statusCode).toBe(200);
  });

  test.each([
    ["text/plain", FRAME, FRAMED],
    ["application/x-www-form-urlencoded", FRAME, FRAMED],
    ["multipart/form-data; boundary=x", FRAME, FRAMED],
    ["multipart/form-data; boundary=x", json, {}],
    ["image/png", json, {}],
    ["text/html", json, {}],
    ["application/xml", json, {}],
    ["application/vnd.a+xml", FRAME, FRAMED],
    ["application/json", raw, { [HEADER_LENGTH]: "0" }],
    ["text/plain", raw, {}],
    ["nothing", json, {}],
  ] as const)("that contradicts the body is refused: %s", async (type, body, headers) => {
    const answer = await sendTyped(type, body, headers);
    expect(answer.statusCode).toBe(415);
    expect(answer.json().error).toMatch(
      /^content-type: expected application\/octet-stream or application\/json, got /,
    );
  });

  test("need not be sent to any other route either", async () => {
    const probe = { method: "POST", url: "/v2/probe", payload: Buffer.alloc(10) } as const;
    expect((await server.app.inject(probe)).json()).toEqual({ received: 10 });
    const index = {
      method: "POST",
      url: "/v2/repository/index",
      payload: Buffer.from('{"ready":true}'),
    } as const;
    expect((await server.app.inject(index)).statusCode).toBe(200);
  });
});

describe("content codings", () => {
  test.each([
    ["GZIP", gzipSync],
    ["Gzip", gzipSync],
    ["x-gzip", gzipSync],
    ["X-GZIP", gzipSync],
    ["Deflate", deflateSync],
    ["identity, gzip", gzipSync],
    ["", (body: Uint8Array) => Buffer.from(body)],
    ["Identity", (body: Uint8Array) => Buffer.from(body)],
    ["identity,,IDENTITY", (body: Uint8Array) => Buffer.from(body)],
  ] as const)("%j is understood", async (coding, pack) => {
    const answer = await sendTyped(null, pack(FRAME), { ...FRAMED, "content-encoding": coding });
    expect(scoresOf(answer)).toEqual(expected);
  });

  test.each(["br", "gzip, gzip", "deflate, gzip", "x-deflate", "zstd"])("%j is not", async (coding) => {
    const answer = await sendTyped(null, gzipSync(FRAME), { ...FRAMED, "content-encoding": coding });
    expect(answer.statusCode).toBe(415);
    expect(answer.json().error).toBe(`content-encoding: expected identity, deflate or gzip, got ${coding}`);
  });
});

describe("an empty body", () => {
  const EMPTY = /^body: expected 1 to \d+ bytes, got an empty body$/;

  test.each([{}, FRAMED, { "content-encoding": "gzip" }, { "content-encoding": "Deflate", ...FRAMED }])(
    "says so, with %j",
    async (headers: Record<string, string>) => {
      for (const type of [null, "application/json", "application/octet-stream", "image/png"]) {
        const answer = await sendTyped(type, new Uint8Array(0), headers);
        expect(answer.statusCode).toBe(400);
        expect(answer.json().error).toMatch(EMPTY);
      }
    },
  );

  test("says so when it was packed, or is not there at all", async () => {
    const packed = await sendTyped(null, gzipSync(""), { "content-encoding": "gzip" });
    expect(packed.json().error).toMatch(EMPTY);
    expect((await server.app.inject({ method: "POST", url: INFER })).json().error).toMatch(EMPTY);
  });

  test("says so on a stream", async () => {
    const client = await openStream(`http://127.0.0.1:${port}`);
    const [plain, packed] = await Promise.all([
      client.ask({ ...inferCall(1), body: new Uint8Array(0), jsonBytes: null }),
      client.ask({ ...inferCall(2), body: new Uint8Array(0), encoding: "gzip" }),
    ]);
    for (const { status, body } of [plain, packed]) {
      expect(status).toBe(400);
      expect(JSON.parse(new TextDecoder().decode(body)).error).toMatch(EMPTY);
    }
    client.socket.terminate();
  });
});

describe("a path", () => {
  const allow = async (method: string, url: string) => {
    const { statusCode, headers } = await server.app.inject({ method: method as "GET", url });
    return [statusCode, headers.allow];
  };

  test.each([
    ["GET", INFER, "POST"],
    ["HEAD", INFER, "POST"],
    ["PUT", INFER, "POST"],
    ["PROPFIND", INFER, "POST"],
    ["OPTIONS", INFER, "POST"],
    ["GET", "/v2/repository/index", "POST"],
    ["DELETE", "/v2/probe", "POST"],
    ["POST", "/v2", "GET, HEAD"],
    ["POST", "/v2/health/live", "GET, HEAD"],
    ["POST", "/v2/health/ready?verbose=1", "GET, HEAD"],
    ["PATCH", "/v2/models/tiny", "GET, HEAD"],
    ["POST", "/v2/models/tiny/versions/1/config/", "GET, HEAD"],
    ["POST", "/v2/models/stats", "GET, HEAD"],
    ["POST", "/v2/stream", "GET, HEAD"],
    ["POST", "/metrics", "GET, HEAD"],
    ["POST", "/docs", "GET, HEAD"],
    ["DELETE", "/models/tiny/model.json", "GET, HEAD"],
    ["POST", "/samples/index.json", "GET, HEAD"],
    ["POST", "/", "GET, HEAD"],
  ])("is not for %s at %s", async (method, url, methods) => {
    expect(await allow(method, url)).toEqual([405, methods]);
    if (method === "HEAD") return;
    const { error } = (await server.app.inject({ method: method as "GET", url })).json();
    expect(error).toBe(`expected ${methods.replace(", ", " or ")}, got ${method} ${url}`);
  });

  test("that there is not, there is not with any method", async () => {
    for (const method of ["GET", "POST", "PUT", "OPTIONS"]) {
      expect(await allow(method, "/v2/nothing")).toEqual([404, undefined]);
      expect(await allow(method, "/v2/models/tiny/nothing")).toEqual([404, undefined]);
    }
    expect(await allow("POST", "/nothing")).toEqual([404, undefined]);
  });

  test.each(["/v2/", "/v2/health/live/", "/v2/health/ready/", "/v2/models/tiny/", "/v2/models/tiny/ready/"])(
    "with a slash at its end is the one without: %s",
    async (url) => {
      const [slashed, plain] = await Promise.all(
        [url, url.slice(0, -1)].map((one) => server.app.inject({ url: one })),
      );
      expect([slashed!.statusCode, slashed!.body]).toEqual([200, plain!.body]);
    },
  );

  test("of inference, of the index and of the stream too", async () => {
    const answer = await post(server.app, request([IMAGE]), `${INFER}/`);
    expect(scoresOf(answer)).toEqual(expected);
    const index = await server.app.inject({ method: "POST", url: "/v2/repository/index/?a=b" });
    expect(index.json()).toHaveLength(1);
    const stream = new WebSocket(`ws://127.0.0.1:${port}${STREAM_PATH}/`, STREAM_PROTOCOL);
    await once(stream, "open");
    stream.terminate();
  });
});

describe("the header host", () => {
  const get = (version: string, ...hosts: string[]) => {
    const head = [`GET /v2 HTTP/${version}`, ...hosts.map((host) => `Host: ${host}`), "", ""];
    return sendBytes(port, Buffer.from(head.join("\r\n"), "latin1"));
  };

  test.each([
    ["a", "b"],
    ["a", "a"],
    ["", ""],
    ["a", "a", "a"],
  ])("comes once: %j, %j", async (...hosts) => {
    for (const version of ["1.1", "1.0"]) {
      const { status, body } = await get(version, ...hosts);
      expect([status, JSON.parse(body.toString())]).toEqual([
        400,
        { error: `expected one header host, got ${hosts.length}` },
      ]);
    }
  });

  test("may be a name, an address or empty, with a port, and nothing else", async () => {
    for (const host of [
      "a.example",
      "a_b:80",
      "127.0.0.1:",
      "[::1]:8080",
      "[fe80::1%25eth0]",
      "xn--nxasmq6b",
      "",
    ]) {
      expect((await get("1.1", host)).status, host).toBe(200);
    }
    for (const host of ["a/b", "a b", "a@b", "http://a", "[::1", "a:b", "a:80:80", "\u00e4"]) {
      expect((await get("1.1", host)).status, host).toBe(400);
    }
  });

  test("has to come, but for HTTP/1.0", async () => {
    expect((await get("1.1")).status).toBe(400);
    expect((await get("1.0")).status).toBe(200);
  });
});
