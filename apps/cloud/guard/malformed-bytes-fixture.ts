import type { Random } from "#shared/random";
import { INFER } from "../testing/child-fixture.ts";
import { below, pick } from "./malformed-fixture.ts";

// For tests only.

/** What no HTTP client sends: bytes for a bare socket, after which the client ends its side. */
export function malformedBytes(random: Random): Buffer {
  const head = `POST ${INFER.path} HTTP/1.1\r\nhost: eddi\r\ncontent-type: application/octet-stream\r\n`;
  const text = pick(random, [
    `${head}content-length: 100\r\n\r\nshort`,
    `${head}content-length: -5\r\n\r\n`,
    `${head}content-length: 5\r\ncontent-length: 6\r\n\r\nabcdef`,
    `${head}content-length: 99999999999999999999\r\n\r\n`,
    `${head}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
    `${head}transfer-encoding: chunked\r\n\r\nzz\r\n`,
    `${head}transfer-encoding: chunked\r\n\r\nffffffffffffffff\r\nx`,
    `${head}transfer-encoding: chunked\r\n\r\n5\r\nab`,
    `${head}transfer-encoding: gzip\r\n\r\n`,
    `${head}x: ${"y".repeat(20_000)}\r\n\r\n`,
    `${head}${"a: b\r\n".repeat(5_000)}\r\n`,
    `${head}expect: miracles\r\n\r\n`,
    `${head}a b: c\r\n\r\n`,
    `${head}a: b\u0000c\r\n\r\n`,
    `${head.replace("host: eddi\r\n", "")}\r\n`,
    `${head.replace("HTTP/1.1", "HTTP/9.9")}\r\n`,
    `${head.replace("POST", "P\u0000ST")}\r\n`,
    `${head.replace(INFER.path, "no path")}\r\n`,
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "PRI *\r\n\r\nSM\r\n\r\n",
    "GET\r\n\r\n",
    "\u0016\u0003\u0001\u0002\u0000\u0001\u0000",
    "\r\n".repeat(50),
  ]);
  const bytes = Buffer.from(text, "latin1");
  if (random() < 0.5) bytes[below(random, Math.min(bytes.length, 200))] = below(random, 256);
  return bytes;
}
