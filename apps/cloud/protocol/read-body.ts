import { gunzip, inflate, type ZlibOptions } from "node:zlib";
import type { FastifyRequest } from "fastify";
import { EddiError } from "#shared/errors";
import { type ContentCoding, readCoding } from "./content-coding.ts";

/** Where a body of unknown length starts. */
const FIRST_BYTES = 64 << 10;

const INFLATE = { deflate: inflate, gzip: gunzip } as const;

/**
 * Reads a request's body, inflated where it came compressed. `request.inflateMs` tells how long that took.
 *
 * @throws EddiError `too-large` when it is over the route's limit, as it came or inflated; `bad-frame` when it ends
 *   early or is not what its encoding says; `unsupported-media` for another encoding
 */
export async function readBody(request: FastifyRequest, payload: NodeJS.ReadableStream): Promise<Uint8Array> {
  const limit = request.routeOptions.bodyLimit!;
  const coding = readCoding(request.headers["content-encoding"]);
  const body = await receive(request, payload, limit);
  // Nothing is no archive either, but that it is empty says more.
  if (coding === null || body.byteLength === 0) return body;
  const start = performance.now();
  const inflated = await inflateWithin(body, coding, limit);
  request.inflateMs = performance.now() - start;
  return inflated;
}

/**
 * Off the event loop. Memory grows with what comes out, and no further than the limit.
 *
 * @throws EddiError as `readBody`
 */
export function inflateWithin(body: Uint8Array, encoding: ContentCoding, limit: number): Promise<Uint8Array> {
  const options: ZlibOptions = { maxOutputLength: limit, info: true };
  return new Promise((resolve, reject) => {
    INFLATE[encoding](body, options, (error: NodeJS.ErrnoException | null, result: unknown) => {
      if (error?.code === "ERR_BUFFER_TOO_LARGE") {
        reject(overLimit(limit, "more when it was inflated"));
      } else if (error !== null) {
        const expected = `body: expected ${body.byteLength} bytes of ${encoding}`;
        reject(new EddiError("bad-frame", `${expected}, got: ${error.message}`, { cause: error }));
      } else {
        const { buffer, engine } = result as Inflated;
        const rest = body.byteLength - engine.bytesWritten;
        if (rest === 0) resolve(ownCopy(buffer));
        else
          reject(new EddiError("bad-frame", `body: expected the end of ${encoding}, got ${rest} bytes more`));
      }
    });
  });
}

/** With `info`. */
interface Inflated {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

/** What is handed to a worker must not take others' bytes along. */
function ownCopy(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
}

/**
 * Into memory of its own, which can be handed to a worker without a copy. Memory grows with the bytes that came,
 * never with their number of pieces.
 */
function receive(
  request: FastifyRequest,
  payload: NodeJS.ReadableStream,
  limit: number,
): Promise<Uint8Array> {
  const declared = Number(request.headers["content-length"] ?? Number.NaN);
  if (declared > limit) throw overLimit(limit, `${declared}`);
  return new Promise((resolve, reject) => {
    let body = new Uint8Array(Number.isNaN(declared) ? Math.min(FIRST_BYTES, limit) : declared);
    let length = 0;
    const stop = (): void => {
      payload.off("data", onData).off("end", onEnd).off("error", onError);
    };
    const onData = (chunk: Buffer): void => {
      const needed = length + chunk.length;
      if (needed > limit) {
        stop();
        reject(overLimit(limit, `${needed} or more`));
        return;
      }
      if (needed > body.length) {
        const larger = new Uint8Array(Math.min(limit, Math.max(needed, 2 * body.length)));
        larger.set(body.subarray(0, length));
        body = larger;
      }
      body.set(chunk, length);
      length = needed;
    };
    const onEnd = (): void => {
      stop();
      if (Number.isNaN(declared) || declared === length) resolve(body.subarray(0, length));
      else reject(new EddiError("bad-frame", `body: expected ${declared} bytes, got ${length}`));
    };
    const onError = (cause: Error): void => {
      stop();
      reject(new EddiError("bad-frame", `body: expected all of it, got ${length} bytes`, { cause }));
    };
    payload.on("data", onData).on("end", onEnd).on("error", onError);
  });
}

export function overLimit(limit: number, came: string): EddiError {
  return new EddiError("too-large", `body: expected at most ${limit} bytes, got ${came}`);
}
