import { EddiError } from "#shared/errors";
import { ALL_JSON, badEnvelope, jsonBytesOf, viewOf } from "./stream-envelope.ts";

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

export type StreamEncoding = "deflate" | "gzip";

const CALL_BYTES = 16;
const INFER = 1;
const CANCEL = 2;
const ENCODINGS = [null, "deflate", "gzip"] as const;
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
  if (kind !== INFER) throw badEnvelope(`kind: expected ${INFER} or ${CANCEL}, got ${kind}`);
  if (encoding >= ENCODINGS.length) throw badEnvelope(`encoding: expected 0, 1 or 2, got ${encoding}`);
  if (view.getUint16(14, true) !== 0) throw badEnvelope("expected zeros at byte 14");
  const modelBytes = view.getUint16(2, true);
  const versionBytes = view.getUint16(12, true);
  if (Math.max(modelBytes, versionBytes) > MAX_NAME_BYTES) {
    throw badEnvelope(
      `names: expected at most ${MAX_NAME_BYTES} bytes, got ${modelBytes} and ${versionBytes}`,
    );
  }
  const bodyAt = CALL_BYTES + modelBytes + versionBytes;
  if (bodyAt > message.byteLength) {
    throw badEnvelope(`expected ${bodyAt} bytes or more, got ${message.byteLength}: truncated`);
  }
  const version = textOf(message.subarray(CALL_BYTES + modelBytes, bodyAt), "version");
  return {
    kind: "infer",
    id,
    model: textOf(message.subarray(CALL_BYTES, CALL_BYTES + modelBytes), "model"),
    version: version === "" ? null : version,
    encoding: ENCODINGS[encoding]!,
    jsonBytes: jsonBytesOf(view.getUint32(8, true)),
    body: message.subarray(bodyAt),
  };
}

/** Of a message that is no call but long enough to have an id; else null. */
export function callId(message: Uint8Array): number | null {
  return message.byteLength < 8 ? null : viewOf(message, 8).getUint32(4, true);
}

function textOf(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new EddiError("bad-frame", `envelope: ${name}: expected UTF-8`, { cause });
  }
}
