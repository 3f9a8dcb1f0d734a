import { deflateSync, gzipSync } from "node:zlib";
import type { Random } from "#shared/random";
import { INFER } from "../testing/child-fixture.ts";

// For tests only: requests that are wrong in as many ways as can be thought of, the same for the same seed.

/** A request as an HTTP client sends it. */
export interface Sent {
  readonly kind: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | null;
}

/** What no error may tell: files, frames of a stack, modules, shared memory. */
export const INNER =
  /\/[\w.-]+\/[\w.-]+\.[cm]?[jt]s|node_modules|node:internal|\bat \w+ \(|file:\/\/|\/tmp\/|SharedArrayBuffer/;

const JSON_BYTES = Number(INFER.headers["inference-header-content-length"]);
const HEADER = JSON.parse(INFER.body.subarray(0, JSON_BYTES).toString()) as Json;
type Json = { [key: string]: unknown };

/** Compressed a thousandfold; made once. */
const BOMB = gzipSync(Buffer.alloc(64 << 20), { level: 9 });
const DEEP = Buffer.from(`{"inputs":${"[".repeat(100_000)}`);

const HOSTILE: readonly unknown[] = [
  null,
  true,
  "",
  "image",
  "../../etc/passwd",
  "toString",
  "__proto__",
  -1,
  0.5,
  2 ** 53,
  1e308,
  [],
  {},
  [[[[[[[[[1]]]]]]]]],
  [2 ** 31, 2 ** 31, 2 ** 31],
  [2 ** 52, 4096],
  [4294967297, 1],
  [0],
  [-1, -3072],
  Array(9).fill(1),
  Array(100).fill({ name: "image" }),
  "FP64",
  "BYTES",
  "x".repeat(5_000),
  "\u0000\u001b[31m",
];

const PATHS = [
  "/v2/models/tiny/infer/",
  "/v2/models/%00/infer",
  "/v2/models/..%2f..%2fetc/infer",
  `/v2/models/${"x".repeat(3_000)}/infer`,
  `/v2/models/${"x".repeat(2_000)}/infer`,
  "/v2/models/tiny/versions/%zz/infer",
  "/v2/models//infer",
  "/v2/%",
  "/v2/models/tiny/versions/0/infer",
  "//",
  "/models/tiny/..%2f..%2fpackage.json",
  "/v2?a[__proto__]=1",
];

const KINDS: Readonly<Record<string, (random: Random) => Partial<Omit<Sent, "kind">>>> = {
  "bytes changed": (random) => {
    const body = Buffer.from(INFER.body);
    for (let times = below(random, 8) + 1; times > 0; times--)
      body[below(random, JSON_BYTES)] = below(random, 256);
    return { body };
  },
  "cut short": (random) => ({ body: INFER.body.subarray(0, below(random, INFER.body.length)) }),
  "another header length": (random) => {
    const lengths = [
      "",
      "-1",
      "1e3",
      "0x10",
      "99999999999",
      "4294967296",
      `${below(random, 5_000)}`,
      "0",
      " 12",
      "NaN",
    ];
    return { headers: { ...INFER.headers, "inference-header-content-length": pick(random, lengths) } };
  },
  "a hostile value": (random) => frame(spoil(HEADER, random)),
  "JSON alone": (random) => {
    const tensor = {
      name: "image",
      shape: pick(random, HOSTILE),
      datatype: "FP32",
      data: pick(random, HOSTILE),
    };
    return json(Buffer.from(JSON.stringify({ inputs: [tensor] })));
  },
  "no JSON": (random) =>
    json(
      Buffer.from(
        INFER.body
          .subarray(0, JSON_BYTES)
          .toString()
          .replace(/[{}[\]":,]/g, (mark) => (random() < 0.2 ? "" : mark)),
      ),
    ),
  "deep JSON": (random) => json(DEEP.subarray(0, 100 + below(random, DEEP.length - 100))),
  noise: (random) => ({
    body: Buffer.from(Array.from({ length: below(random, 600) }, () => below(random, 256))),
  }),
  "a damaged archive": (random) => {
    const archive = pick(random, [gzipSync, deflateSync])(INFER.body);
    archive[below(random, archive.length)]! ^= 1 + below(random, 255);
    const encoding = pick(random, ["gzip", "deflate"]);
    return {
      headers: { ...INFER.headers, "content-encoding": encoding },
      body: archive.subarray(0, archive.length - below(random, 9)),
    };
  },
  "media that is not taken": (random) => {
    const types = [
      "text/plain",
      "application/octet-stream\t",
      "application/json ;a",
      "multipart/form-data; boundary=x",
      "*/*",
      "",
      "application/x-www-form-urlencoded",
    ];
    const encodings = ["br", "gzip, gzip", "x-gzip", "__proto__", "toString"];
    const [name, values] = random() < 0.5 ? ["content-type", types] : ["content-encoding", encodings];
    return { headers: { ...INFER.headers, [name!]: pick(random, values as string[]) } };
  },
  "a path that leads nowhere": (random) => ({ path: pick(random, PATHS) }),
  "another method": (random) => ({ method: pick(random, ["PUT", "DELETE", "PATCH", "PROPFIND"]) }),
};

/** The next malformed request. One in a thousand is a bomb of 64 MiB, compressed. */
export function malformed(random: Random): Sent {
  const whole = { method: "POST", path: INFER.path, headers: INFER.headers, body: INFER.body };
  if (random() < 0.001) {
    return {
      ...whole,
      kind: "a bomb",
      headers: { ...INFER.headers, "content-encoding": "gzip" },
      body: BOMB,
    };
  }
  const kind = pick(random, Object.keys(KINDS));
  return { ...whole, ...KINDS[kind]!(random), kind };
}

export function below(random: Random, end: number): number {
  return Math.floor(random() * end);
}

export function pick<T>(random: Random, values: readonly T[]): T {
  return values[below(random, values.length)]!;
}

function json(body: Buffer): Partial<Sent> {
  return { headers: { "content-type": "application/json" }, body };
}

/** The good tensors behind another header. */
function frame(header: unknown): Partial<Sent> {
  const bytes = Buffer.from(JSON.stringify(header));
  const headers = { ...INFER.headers, "inference-header-content-length": `${bytes.length}` };
  return { headers, body: Buffer.concat([bytes, INFER.body.subarray(JSON_BYTES)]) };
}

/** Puts a hostile value somewhere into a value, or beside what it holds. */
function spoil(value: unknown, random: Random): unknown {
  if (typeof value !== "object" || value === null || random() < 0.1) return pick(random, HOSTILE);
  if (Array.isArray(value)) return value.map((item) => (random() < 0.7 ? spoil(item, random) : item));
  const key = pick(random, [...Object.keys(value), "outputs", "id", "parameters"]);
  return { ...value, [key]: spoil((value as Json)[key], random) };
}
