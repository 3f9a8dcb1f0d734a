import { EddiError } from "#shared/errors";

/**
 * Messages of the WebSocket fast path: an envelope, little-endian, then the same frame that HTTP carries as its
 * body. Calls and replies belong together by an id that the client chooses.
 *
 * ```
 * call, 16 bytes    0 kind   1 encoding   2 model's bytes (u16)   4 id (u32)   8 JSON's bytes (u32)
 *                   12 version's bytes (u16)   14 zero (u16); then model, version, frame
 * reply, 28 bytes   0 kind   1 zero   2 status (u16)   4 id (u32)   8 JSON's bytes (u32)
 *                   12 queue ms (f32)   16 compute ms (f32)   20 expected queue ms (f32)
 *                   24 retry after s (f32); then frame
 * ```
 */
export const STREAM_PATH = "/v2/stream";
/** The WebSocket subprotocol: names this version of the envelope. */
export const STREAM_PROTOCOL = "eddi.v1";
/** What a subprotocol begins with that carries a key: browsers can set no headers. */
export const STREAM_KEY = "eddi-key.";

/** In the place of the JSON's bytes: all of the body is JSON. */
export const ALL_JSON = 0xffffffff;

/** @throws EddiError `bad-frame` for a message of fewer bytes */
export function viewOf({ buffer, byteOffset, byteLength }: Uint8Array, least: number): DataView {
  if (byteLength >= least) return new DataView(buffer, byteOffset, byteLength);
  throw badEnvelope(`expected ${least} bytes or more, got ${byteLength}`);
}

/** @returns null for `ALL_JSON` */
export function jsonBytesOf(field: number): number | null {
  return field === ALL_JSON ? null : field;
}

export function badEnvelope(message: string): EddiError {
  return new EddiError("bad-frame", `envelope: ${message}`);
}
