import type { FastifyRequest } from "fastify";
import { EddiError } from "#shared/errors";
import type { BytesUnderWay, HeldBytes } from "../guard/bytes-under-way.ts";
import { goneError } from "../pool/pending-tail.ts";
import { readCoding } from "./content-coding.ts";
import { GrowingBytes, inflateWithin, overLimit } from "./inflate.ts";

/** Where a body starts, however long it says it is: those who say so need not send it. */
const FIRST_BYTES = 64 << 10;

/** A body that has come. */
export interface ReceivedBody {
  readonly body: Uint8Array;
  /** What it took to inflate it. */
  readonly inflateMs: number;
  /** What it holds until it is released. */
  readonly held: HeldBytes;
}

/**
 * Reads a request's body, inflated where it came compressed.
 *
 * @throws EddiError `too-large` when it is over the route's limit, as it came or inflated; `bad-frame` when it ends
 *   early or is not what its encoding says; `unsupported-media` for another encoding; `unavailable` when bodies take too
 *   much memory
 */
export async function readBody(
  request: FastifyRequest,
  payload: NodeJS.ReadableStream,
  bytes: BytesUnderWay,
): Promise<ReceivedBody> {
  const limit = request.routeOptions.bodyLimit!;
  const coding = readCoding(request.headers["content-encoding"]);
  const taken = new AbortController();
  const held = bytes.hold(request.client, (why) => taken.abort(why));
  const onClose = (): void => taken.abort(goneError(0));
  request.raw.socket.once("close", onClose);
  try {
    const body = await receive(request, payload, limit, held, taken.signal);
    // Nothing is no archive either, but that it is empty says more.
    if (coding === null || body.byteLength === 0) return { body, inflateMs: 0, held };
    const startMs = performance.now();
    const inflated = await inflateWithin(body, coding, limit, held, taken.signal);
    held.set(inflated.buffer.byteLength);
    return { body: inflated, inflateMs: performance.now() - startMs, held };
  } catch (thrown) {
    held.release();
    throw thrown;
  } finally {
    request.raw.socket.off("close", onClose);
  }
}

/**
 * Into memory of its own, which can be handed to a worker without a copy. Of each body a piece is taken in one turn of the
 * event loop, or a thousand that come at once would hold it up.
 */
function receive(
  request: FastifyRequest,
  payload: NodeJS.ReadableStream,
  limit: number,
  held: HeldBytes,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const declared = Number(request.headers["content-length"] ?? Number.NaN);
  if (declared > limit) throw overLimit(limit, `${declared}`);
  const most = Number.isNaN(declared) ? limit : declared;
  const body = new GrowingBytes(Math.min(FIRST_BYTES, most), most, (size) => held.set(size));
  return new Promise((resolve, reject) => {
    let stopped = false;
    const stop = (): void => {
      stopped = true;
      payload.off("data", onData).off("end", onEnd).off("error", onError);
      signal.removeEventListener("abort", onTaken);
    };
    const fail = (why: unknown): void => {
      stop();
      body.release();
      // Nobody listens any more: what is still to come would be read as fast as it comes.
      payload.pause();
      payload.on("error", () => {});
      reject(why);
    };
    const onData = (piece: Buffer): void => {
      try {
        body.add(piece);
      } catch (thrown) {
        fail(thrown);
        return;
      }
      // Nothing more is to come.
      if (body.count === declared) return;
      payload.pause();
      setImmediate(() => {
        if (!stopped) payload.resume();
      });
    };
    const onEnd = (): void => {
      stop();
      if (Number.isNaN(declared) || declared === body.count) resolve(body.bytes());
      else reject(new EddiError("bad-frame", `body: expected ${declared} bytes, got ${body.count}`));
    };
    const onError = (cause: Error): void => {
      fail(new EddiError("bad-frame", `body: expected all of it, got ${body.count} bytes`, { cause }));
    };
    const onTaken = (): void => fail(signal.reason);
    signal.addEventListener("abort", onTaken, { once: true });
    payload.on("data", onData).on("end", onEnd).on("error", onError);
  });
}
