import { EddiError } from "#shared/errors";

/**
 * Messages of the WebSocket fast path: an envelope, little-endian, then the same frame that HTTP carries as its
 * body. Calls and replies belong together by an id that the client chooses.
 *
 * ```
 * call, 16 bytes    0 kind   1 encoding   2 model's bytes (u16)   4 id (u32)   8 JSON's bytes (u32)
 *                   12 version's bytes (u16)   14 zero (u16); then model, version, frame
 * reply, 24 bytes   0 kind   1 zero   2 status (u16)   4 id (u32)   8 JSON's bytes (u32)
 *                   12 queue ms (f32)   16 compute ms (f32)   20 retry after s (f32); then frame
 * ```
 */
export const STREAM_PATH = "/v2/stream";
/** The WebSocket subprotocol: names this version of the envelope. */
export const STREAM_PROTOCOL = "eddi.v1";

/** What a client sends. */
export type StreamCall =
  | {
      readonly kind: "infer";
      readonly id: number;
      readonly model: string;
      /** Null takes the newest. */
      readonly version: string | null;
      /** As HTTP's `Content-Encoding`. */
      readonly encoding: StreamEncoding | null;
      /** As HTTP's `Inference-Header-Content-Length`; null when it is left out. */
      readonly jsonBytes: number | null;
      readonly body: Uint8Array;
    }
  /** Nobody waits for that reply any more; none will come. */
  | { readonly kind: "cancel"; readonly id: number };

/** What the service sends. */
export type StreamReply =
  | {
      readonly kind: "reply";
      readonly id: number;
      /** As HTTP's; other than 200 the body is {"error": message}. */
      readonly status: number;
      /** Null when the whole body is JSON. */
      readonly jsonBytes: number | null;
      /** Null when no tail was run. There is no time of receiving: a message is there as a whole. */
      readonly times: { readonly queueMs: number; readonly computeMs: number } | null;
      /** As HTTP's `Retry-After`. */
      readonly retryAfterS: number | null;
      readonly body: Uint8Array;
    }
  /** The service ends soon: what is under way is answered, the next call should go elsewhere. */
  | { readonly kind: "leave" };

export type StreamEncoding = "deflate" | "gzip";

const CALL_BYTES = 16;
const REPLY_BYTES = 24;
const ENCODINGS = [null, "deflate", "gzip"] as const;
const INFER = 1;
const CANCEL = 2;
const REPLY = 1;
const LEAVE = 2;
/** In the place of the JSON's bytes: all of the body is JSON. */
const ALL_JSON = 0xffffffff;
const MAX_NAME_BYTES = 8192;
/** The most that an envelope adds to a body. */
export const MAX_ENVELOPE_BYTES = CALL_BYTES + 2 * MAX_NAME_BYTES;

export function encodeCall(call: StreamCall): Uint8Array<ArrayBuffer> {
  if (call.kind === "cancel") {
    const message = new Uint8Array(CALL_BYTES);
    message[0] = CANCEL;
    new DataView(message.buffer).setUint32(4, call.id, true);
    return message;
  }
  const model = new TextEncoder().encode(call.model);
  const version = new TextEncoder().encode(call.version ?? "");
  const names = model.byteLength + version.byteLength;
  const message = new Uint8Array(CALL_BYTES + names + call.body.byteLength);
  const view = new DataView(message.buffer);
  message[0] = INFER;
  message[1] = ENCODINGS.indexOf(call.encoding);
  view.setUint16(2, model.byteLength, true);
  view.setUint32(4, call.id, true);
  view.setUint32(8, call.jsonBytes ?? ALL_JSON, true);
  view.setUint16(12, version.byteLength, true);
  message.set(model, CALL_BYTES);
  message.set(version, CALL_BYTES + model.byteLength);
  message.set(call.body, CALL_BYTES + names);
  return message;
}

/**
 * Decodes a call. The body is a view of the message.
 *
 * @throws EddiError `bad-frame` for an envelope that is none; `callId` may still find whom to tell
 */
export function decodeCall(message: Uint8Array): StreamCall {
  const view = viewOf(message, CALL_BYTES);
  const [kind, encoding] = [message[0]!, message[1]!];
  const id = view.getUint32(4, true);
  if (kind === CANCEL) return { kind: "cancel", id };
  if (kind !== INFER) throw bad(`kind: expected ${INFER} or ${CANCEL}, got ${kind}`);
  if (encoding >= ENCODINGS.length) throw bad(`encoding: expected 0, 1 or 2, got ${encoding}`);
  if (view.getUint16(14, true) !== 0) throw bad("expected zeros at byte 14");
  const modelBytes = view.getUint16(2, true);
  const versionBytes = view.getUint16(12, true);
  if (Math.max(modelBytes, versionBytes) > MAX_NAME_BYTES) {
    throw bad(`names: expected at most ${MAX_NAME_BYTES} bytes, got ${modelBytes} and ${versionBytes}`);
  }
  const bodyAt = CALL_BYTES + modelBytes + versionBytes;
  if (bodyAt > message.byteLength) {
    throw bad(`expected ${bodyAt} bytes or more, got ${message.byteLength}: truncated`);
  }
  const version = textOf(message.subarray(CALL_BYTES + modelBytes, bodyAt), "version");
  return {
    kind: "infer",
    id,
    model: textOf(message.subarray(CALL_BYTES, CALL_BYTES + modelBytes), "model"),
    version: version === "" ? null : version,
    encoding: ENCODINGS[encoding]!,
    jsonBytes: orNull(view.getUint32(8, true)),
    body: message.subarray(bodyAt),
  };
}

/** Of a message that is no call but long enough to have an id; else null. */
export function callId(message: Uint8Array): number | null {
  return message.byteLength < 8 ? null : viewOf(message, 8).getUint32(4, true);
}

export function encodeReply(reply: StreamReply): Uint8Array<ArrayBuffer> {
  const body = reply.kind === "leave" ? new Uint8Array(0) : reply.body;
  const message = new Uint8Array(REPLY_BYTES + body.byteLength);
  message[0] = reply.kind === "leave" ? LEAVE : REPLY;
  if (reply.kind === "leave") return message;
  const view = new DataView(message.buffer);
  view.setUint16(2, reply.status, true);
  view.setUint32(4, reply.id, true);
  view.setUint32(8, reply.jsonBytes ?? ALL_JSON, true);
  view.setFloat32(12, reply.times?.queueMs ?? Number.NaN, true);
  view.setFloat32(16, reply.times?.computeMs ?? Number.NaN, true);
  view.setFloat32(20, reply.retryAfterS ?? Number.NaN, true);
  message.set(body, REPLY_BYTES);
  return message;
}

/**
 * Decodes a reply. The body is a view of the message.
 *
 * @throws EddiError `bad-frame` for an envelope that is none
 */
export function decodeReply(message: Uint8Array): StreamReply {
  const view = viewOf(message, REPLY_BYTES);
  const kind = message[0]!;
  if (kind === LEAVE) return { kind: "leave" };
  if (kind !== REPLY) throw bad(`kind: expected ${REPLY} or ${LEAVE}, got ${kind}`);
  const [queueMs, computeMs] = [view.getFloat32(12, true), view.getFloat32(16, true)];
  const retryAfterS = view.getFloat32(20, true);
  return {
    kind: "reply",
    id: view.getUint32(4, true),
    status: view.getUint16(2, true),
    jsonBytes: orNull(view.getUint32(8, true)),
    times: Number.isNaN(queueMs + computeMs) ? null : { queueMs, computeMs },
    retryAfterS: Number.isNaN(retryAfterS) ? null : retryAfterS,
    body: message.subarray(REPLY_BYTES),
  };
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array, least: number): DataView {
  if (byteLength >= least) return new DataView(buffer, byteOffset, byteLength);
  throw bad(`expected ${least} bytes or more, got ${byteLength}`);
}

function textOf(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new EddiError("bad-frame", `envelope: ${name}: expected UTF-8`, { cause });
  }
}

function orNull(jsonBytes: number): number | null {
  return jsonBytes === ALL_JSON ? null : jsonBytes;
}

function bad(message: string): EddiError {
  return new EddiError("bad-frame", `envelope: ${message}`);
}
