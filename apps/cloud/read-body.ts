import type { FastifyRequest } from "fastify";
import { EddiError } from "#shared/errors";

/** Where a body of unknown length starts. */
const FIRST_BYTES = 64 << 10;

/**
 * Reads a request's body into memory of its own, which can be handed to a worker without a copy. Memory
 * grows with the bytes that came, never with their number of pieces.
 *
 * @throws EddiError `too-large` over the route's limit, `bad-frame` when it ends early,
 *   `unsupported-media` when it is compressed
 */
export function readBody(request: FastifyRequest, payload: NodeJS.ReadableStream): Promise<Uint8Array> {
  const limit = request.routeOptions.bodyLimit!;
  const encoding = request.headers["content-encoding"] ?? "identity";
  if (encoding !== "identity") {
    throw new EddiError("unsupported-media", `content-encoding: expected identity, got ${encoding}`);
  }
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

function overLimit(limit: number, came: string): EddiError {
  return new EddiError("too-large", `body: expected at most ${limit} bytes, got ${came}`);
}
