import { createGunzip, createInflate } from "node:zlib";
import { EddiError } from "#shared/errors";
import type { HeldBytes } from "../guard/bytes-under-way.ts";
import type { ContentCoding } from "./content-coding.ts";

const INFLATE = { deflate: createInflate, gzip: createGunzip } as const;
const PIECE_BYTES = 64 << 10;

/**
 * Inflates a body, off the event loop, into memory of its own. Memory grows with what comes out, and no further than the
 * limit.
 *
 * @param held   what the body holds; what comes out is added to it
 * @param signal aborts when nobody needs it any more
 * @throws EddiError `too-large` over the limit; `bad-frame` when it is not what its encoding says, or ends early or late;
 *   the signal's reason; as `HeldBytes.set`
 */
export function inflateWithin(
  body: Uint8Array,
  encoding: ContentCoding,
  limit: number,
  held: HeldBytes,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const inflating = INFLATE[encoding]({ chunkSize: Math.min(PIECE_BYTES, Math.max(64, limit)) });
  const out = new GrowingBytes(0, limit, (bytes) => held.set(body.buffer.byteLength + bytes));
  return new Promise<Uint8Array>((resolve, reject) => {
    const fail = (why: unknown): void => {
      inflating.destroy();
      out.release();
      reject(why);
    };
    const onAbort = (): void => fail(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    inflating.on("close", () => signal.removeEventListener("abort", onAbort));
    inflating.on("data", (piece: Buffer) => {
      try {
        out.add(piece, "more when it was inflated");
      } catch (thrown) {
        fail(thrown);
      }
    });
    inflating.on("error", (cause) => {
      const expected = `body: expected ${body.byteLength} bytes of ${encoding}`;
      fail(new EddiError("bad-frame", `${expected}, got: ${cause.message}`, { cause }));
    });
    inflating.on("end", () => {
      const rest = body.byteLength - inflating.bytesWritten;
      if (rest === 0) resolve(out.bytes());
      else fail(new EddiError("bad-frame", `body: expected the end of ${encoding}, got ${rest} bytes more`));
    });
    if (signal.aborted) onAbort();
    else inflating.end(body);
  });
}

/** Bytes whose number is not known beforehand. Memory grows with what is there, never with its number of pieces. */
export class GrowingBytes {
  private readonly limit: number;
  private readonly onGrow: (bytes: number) => void;
  private buffer: Uint8Array;
  private length = 0;

  /**
   * @param first  bytes to begin with
   * @param onGrow told before it takes so many bytes; what it throws, `add` throws
   */
  constructor(first: number, limit: number, onGrow: (bytes: number) => void) {
    this.limit = limit;
    this.onGrow = onGrow;
    onGrow(first);
    this.buffer = new Uint8Array(first);
  }

  get count(): number {
    return this.length;
  }

  /**
   * @param came what to tell of more than the limit
   * @throws EddiError `too-large`
   */
  add(piece: Uint8Array, came?: string): void {
    const needed = this.length + piece.byteLength;
    if (needed > this.limit) throw overLimit(this.limit, came ?? `${needed} or more`);
    if (needed > this.buffer.length) {
      const size = Math.min(this.limit, Math.max(needed, 2 * this.buffer.length));
      this.onGrow(size);
      const larger = new Uint8Array(size);
      larger.set(this.buffer.subarray(0, this.length));
      this.buffer = larger;
    }
    this.buffer.set(piece, this.length);
    this.length = needed;
  }

  bytes(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }

  /** Lets go of the memory: whoever listens to what still comes may hold on to this for long. */
  release(): void {
    this.buffer = new Uint8Array(0);
  }
}

export function overLimit(limit: number, came: string): EddiError {
  return new EddiError("too-large", `body: expected at most ${limit} bytes, got ${came}`);
}
