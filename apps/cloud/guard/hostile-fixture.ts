import { once } from "node:events";
import { connect } from "node:net";
import { deflateSync, gzipSync } from "node:zlib";
import { Agent } from "undici";
import { WebSocket } from "ws";
import { encodeCall, encodeRequest, HEADER_LENGTH, STREAM_PATH, STREAM_PROTOCOL } from "#shared/protocol";
import { type Random, randomFrom } from "#shared/random";
import { INFER } from "../testing/child-fixture.ts";
import { request, tinyImage } from "../testing/fixture.ts";
import { malformed } from "./malformed-fixture.ts";

// For tests and benchmarks only: what costs a service most and its sender least, at the limits and beyond them.

export interface Attack {
  readonly kind: string;
  /** Resolves with the statuses that came back. */
  send(): Promise<readonly number[]>;
}

const MIB = 1 << 20;
const BODY_LIMIT = 16 * MIB;
const JSON_LIMIT = 4 * MIB;
const ELEMENTS = 4_000_000;
/** A chunk as Node reads them. */
const CHUNK = 64 << 10;
const AT_ONCE = 100;
const CONNECTIONS = 32;

/** All kinds, the same for the same seed. */
export function attacksOn(url: string, seed = 1): readonly Attack[] {
  const random = randomFrom(seed);
  const agent = new Agent({ connections: CONNECTIONS, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 });
  const port = Number(new URL(url).port);
  const post = (
    kind: string,
    body: Buffer,
    headers: Record<string, string> = {},
    path: string = INFER.path,
  ): Attack => ({
    kind,
    send: async () => {
      const answer = await agent.request({ origin: url, path, method: "POST", headers, body });
      await answer.body.dump();
      return [answer.statusCode];
    },
  });
  const packed = (kind: string, body: Buffer, headers: Record<string, string> = {}): Attack[] => [
    post(kind, body, headers),
    post(`${kind}, gzip`, gzipSync(body, { level: 9 }), { ...headers, "content-encoding": "gzip" }),
    post(`${kind}, deflate`, deflateSync(body), { ...headers, "content-encoding": "deflate" }),
  ];
  const raw = (kind: string, bytes: Buffer): Attack => ({ kind, send: () => sendRaw(port, bytes) });
  return [
    ...elements().flatMap(([kind, { body, headers }]) => packed(kind, body, headers)),
    ...texts(random).flatMap(([kind, text]) => packed(kind, Buffer.from(text))),
    ...packed("zeros", Buffer.alloc(BODY_LIMIT)),
    ...packed("white space, called text", Buffer.alloc(BODY_LIMIT, 0x20), { "content-type": "text/plain" }),
    post("a bomb", gzipSync(Buffer.alloc(64 * MIB), { level: 9 }), { "content-encoding": "gzip" }),
    ...tensors().map(([kind, { body, headers }]) => post(kind, body, headers)),
    ...names().map(([kind, path]) => post(kind, INFER.body, INFER.headers, path)),
    post("the index, of JSON at its limit", Buffer.from(pad("[],", 64 << 10)), {}, "/v2/repository/index"),
    raw("requests ahead of their answers", Buffer.from(repeat("GET /v2/x HTTP/1.1\r\nhost:\r\n\r\n", CHUNK))),
    raw("files ahead of their answers", Buffer.from(repeat("GET /x.js HTTP/1.1\r\nhost:\r\n\r\n", CHUNK))),
    raw("tails ahead of their answers", Buffer.concat(Array(AT_ONCE).fill(inferBytes()))),
    raw("many headers", Buffer.from(`GET /v2 HTTP/1.1\r\nhost: x\r\n${"a: b\r\n".repeat(1_900)}\r\n`)),
    raw(
      "many ranges",
      Buffer.from(withHeader("/models/tiny/model.json", "range", `bytes=${repeat("0-0,", 15_000)}0-0`)),
    ),
    raw("many proxies", Buffer.from(withHeader("/v2", "x-forwarded-for", repeat("192.0.2.1,", 15_000)))),
    raw("many codings", Buffer.from(withHeader("/x.js", "accept-encoding", repeat("gzip;q=0.1,", 15_000)))),
    ...streams(url),
    { kind: "connections at once", send: () => together(AT_ONCE, () => sendRaw(port, inferBytes())) },
    {
      kind: "malformed requests at once",
      send: () =>
        together(AT_ONCE, async () => {
          const { kind: _, method, ...sent } = malformed(random);
          const answer = await agent.request({ origin: url, ...sent, method: method as "POST" });
          await answer.body.dump();
          return [answer.statusCode];
        }),
    },
  ];
}

type Sent = { readonly body: Buffer; readonly headers: Record<string, string> };

/** BYTES of millions of elements. */
function elements(): [string, Sent][] {
  const of = (shape: readonly number[], data: Uint8Array, name = "image"): Sent =>
    framed(
      { inputs: [{ name, datatype: "BYTES", shape, parameters: { binary_data_size: data.length } }] },
      data,
    );
  const zeros = new Uint8Array(4 * ELEMENTS);
  return [
    ["millions of empty elements", of([ELEMENTS], zeros)],
    ["millions of empty elements on a second axis", of([1, ELEMENTS], zeros)],
    ["millions of empty elements of an unknown tensor", of([ELEMENTS], zeros, "picture")],
    ["elements of a tensor of the model", of([32], zeros, "stem/pool")],
  ];
}

/** JSON at its limit of bytes, and at the limits of what is in it. */
function texts(random: Random): [string, string][] {
  const members = (count: number, value: string): string =>
    Array.from({ length: count }, (_, at) => `"p${at}":${value}`).join(",");
  const numbers = Array.from({ length: 200_000 }, () => random().toFixed(12)).join(",");
  const tensor = (data: string) =>
    `{"inputs":[{"name":"image","datatype":"FP32","shape":[32,32,32,3],"data":[${data}]}]}`;
  const padded = (text: string) => text.padEnd(JSON_LIMIT);
  return [
    ["330,000 parameters", `{"inputs":[],"parameters":{${members(330_000, "0")}}}`],
    ["parameters at their limit", padded(`{"inputs":[],"parameters":{${members(4_000, '"x"')}}}`)],
    ["numbers", padded(tensor(numbers))],
    ["small numbers", tensor(pad("0,", JSON_LIMIT - 200).slice(1, -1))],
    ["empty arrays", `{"inputs":${pad("[],", JSON_LIMIT - 20)}}`],
    ["empty objects", `{"inputs":${pad("{},", JSON_LIMIT - 20)}}`],
    ["arrays in arrays", `{"inputs":${pad(`${"[".repeat(60)}${"]".repeat(60)},`, JSON_LIMIT - 200)}}`],
    ["brackets without end", `{"inputs":${"[".repeat(JSON_LIMIT - 20)}`],
    ["one text", `{"inputs":[],"id":"${"x".repeat(JSON_LIMIT - 30)}"}`],
    ["one text of escapes", `{"inputs":[],"id":"${"\\u0041".repeat(JSON_LIMIT / 6 - 10)}"}`],
    ["a prototype at the end", `{"inputs":${pad("[],", JSON_LIMIT - 60)},"__proto__":1}`],
    ["more than its limit", `{"inputs":${pad("[],", JSON_LIMIT + 100)}}`],
    ["text that is no JSON", "x".repeat(JSON_LIMIT)],
    ["text that is no UTF-8, short of the end", `{"inputs":[${"1,".repeat(JSON_LIMIT / 2 - 20)}\u0000]}`],
    ["just short enough to be read at once", `{"inputs":${pad("[],", (32 << 10) - 20)}}`],
    ["members just short enough to be read at once", `{"inputs":[],"parameters":{${members(2_500, "0")}}}`],
  ];
}

function tensors(): [string, Sent][] {
  const image = tinyImage();
  const many = Array.from({ length: 64 }, (_, at) => ({ ...image, name: `x${at}`.padEnd(500, "y") }));
  const outputs = (count: number, name: string) =>
    Array.from({ length: count }, () => ({ name, binary: false }));
  const sent = (inputs: Parameters<typeof request>[0], change: Parameters<typeof request>[1] = {}): Sent => {
    const { body, jsonBytes } = encodeRequest(request(inputs, change));
    return { body: Buffer.from(body), headers: { [HEADER_LENGTH]: `${jsonBytes}` } };
  };
  const batch = (images: number) => ({
    ...image,
    shape: [images, 32, 32, 3],
    data: new Uint8Array(images * 3072),
  });
  return [
    ["64 tensors", sent(many)],
    ["64 outputs of one exit", sent([image], { outputs: outputs(64, "exit1") })],
    ["64 unknown outputs", sent([image], { outputs: outputs(64, "x".repeat(500)) })],
    ["5,000 images", sent([batch(5_000)])],
    ["the largest batch, as text", sent([batch(32)], { outputs: outputs(1, "exit3") })],
    ["the same tensor 64 times", sent(Array.from({ length: 64 }, () => image))],
    ["no numbers", sent([{ ...image, datatype: "FP32", data: new Uint8Array(4 * 3072).fill(255) }])],
  ];
}

/** Virtual names at their limit. */
function names(): [string, string][] {
  const path = (name: string) => `/v2/models/${name}/infer`;
  return [
    ["a name of a thousand tensors", path(`tiny~exit3~${repeat("a+", 2_000)}b`)],
    ["a name of the same tensor again and again", path(`tiny~exit3~${repeat("image+", 2_000)}image`)],
    ["a name of many exits", path(`tiny${repeat("~exit3", 2_000)}`)],
  ];
}

/** Frames of a WebSocket, in one write each. */
function streams(url: string): Attack[] {
  const frame = (opcode: number, data: Uint8Array): Buffer => {
    const head = [0x80 | opcode, 0x80 | data.length, 0, 0, 0, 0];
    return Buffer.concat([Buffer.from(head), data]);
  };
  const attack = (kind: string, one: Buffer): Attack => ({
    kind,
    send: async () => {
      const socket = new WebSocket(`${url.replace("http", "ws")}${STREAM_PATH}`, STREAM_PROTOCOL);
      socket.on("error", () => {});
      await once(socket, "open");
      const closed = once(socket, "close");
      const below = (socket as unknown as { _socket: import("node:net").Socket })._socket;
      below.write(Buffer.concat(Array(Math.floor((4 * CHUNK) / one.length)).fill(one)));
      // What comes after all of it tells that it has been read.
      const answered = once(socket, "pong");
      below.write(frame(0x9, Buffer.from("end")));
      await Promise.race([closed, answered]);
      socket.terminate();
      return [];
    },
  });
  const infer = encodeCall({
    kind: "infer",
    id: 1,
    model: "none",
    version: null,
    encoding: null,
    jsonBytes: 0,
    body: new Uint8Array(4),
  });
  return [
    attack("a stream of empty messages", frame(0x2, new Uint8Array(0))),
    attack("a stream of pongs", frame(0xa, new Uint8Array(0))),
    attack("a stream of messages that cancel nothing", frame(0x2, encodeCall({ kind: "cancel", id: 7 }))),
    attack(
      "a stream of bad messages",
      frame(0x2, Buffer.from([9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])),
    ),
    attack("a stream of calls for no model", frame(0x2, Buffer.from(infer))),
  ];
}

/** The JSON part, then tensors. */
function framed(header: object, data: Uint8Array): Sent {
  const json = Buffer.from(JSON.stringify(header));
  return { body: Buffer.concat([json, data]), headers: { [HEADER_LENGTH]: `${json.length}` } };
}

/** An array of so many bytes. */
function pad(item: string, bytes: number): string {
  return `[${repeat(item, bytes - 2).slice(0, -1)}]`;
}

function repeat(item: string, bytes: number): string {
  return item.repeat(Math.floor(bytes / item.length));
}

function withHeader(path: string, name: string, value: string): string {
  return `GET ${path} HTTP/1.1\r\nhost: x\r\n${name}: ${value}\r\n\r\n`;
}

function inferBytes(): Buffer {
  const fields = Object.entries({ host: "x", ...INFER.headers, "content-length": INFER.body.length });
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return Buffer.concat([Buffer.from(`POST ${INFER.path} HTTP/1.1\r\n${lines}\r\n`), INFER.body]);
}

/** Sends bytes on a connection, and reads until it is closed or all of its requests have been answered. */
async function sendRaw(port: number, bytes: Buffer): Promise<readonly number[]> {
  const requests = bytes.toString("latin1").match(/^(GET|POST) /gm)!.length;
  const socket = connect({ port, host: "127.0.0.1" });
  const statuses: number[] = [];
  const ended = new Promise<void>((resolve) => {
    socket.on("error", () => {}).on("close", () => resolve());
    socket.on("data", (piece) => {
      for (const [, status] of piece.toString("latin1").matchAll(/HTTP\/1\.1 (\d{3}) /g)) {
        statuses.push(Number(status));
      }
      if (statuses.length >= requests) resolve();
    });
  });
  socket.write(bytes);
  await ended;
  socket.destroy();
  return statuses;
}

async function together(count: number, send: () => Promise<readonly number[]>): Promise<readonly number[]> {
  return (await Promise.all(Array.from({ length: count }, send))).flat();
}
