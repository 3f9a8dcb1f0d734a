import { ALL_JSON, badEnvelope, jsonBytesOf, viewOf } from "./stream-envelope.ts";
import type { ServerTimes } from "./timing.ts";

/** What the service sends. */
export type StreamReply =
  | {
      readonly kind: "reply";
      readonly id: number;
      /** As HTTP's; other than 200 the body is {"error": message}. */
      readonly status: number;
      /** Null when the whole body is JSON. */
      readonly jsonBytes: number | null;
      /**
       * Null when no tail was run and load was not the reason. There is no time of receiving: a message is there
       * as a whole.
       */
      readonly times: Omit<ServerTimes, "receiveMs"> | null;
      /** As HTTP's `Retry-After`. */
      readonly retryAfterS: number | null;
      readonly body: Uint8Array;
    }
  /** The service ends soon: what is under way is answered, the next call should go elsewhere. */
  | { readonly kind: "leave" };

const REPLY_BYTES = 28;
const REPLY = 1;
const LEAVE = 2;
/** Flags. */
const STAND_IN = 1;

export function encodeReply(reply: StreamReply): Uint8Array<ArrayBuffer> {
  const body = reply.kind === "leave" ? new Uint8Array(0) : reply.body;
  const message = new Uint8Array(REPLY_BYTES + body.byteLength);
  message[0] = reply.kind === "leave" ? LEAVE : REPLY;
  if (reply.kind === "leave") return message;
  const view = new DataView(message.buffer);
  message[1] = reply.times?.isStandIn ? STAND_IN : 0;
  view.setUint16(2, reply.status, true);
  view.setUint32(4, reply.id, true);
  view.setUint32(8, reply.jsonBytes ?? ALL_JSON, true);
  view.setFloat32(12, reply.times?.queueMs ?? Number.NaN, true);
  view.setFloat32(16, reply.times?.computeMs ?? Number.NaN, true);
  view.setFloat32(20, reply.times?.expectedQueueMs ?? Number.NaN, true);
  view.setFloat32(24, reply.retryAfterS ?? Number.NaN, true);
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
  if (kind !== REPLY) throw badEnvelope(`kind: expected ${REPLY} or ${LEAVE}, got ${kind}`);
  const queueMs = view.getFloat32(12, true);
  const computeMs = view.getFloat32(16, true);
  const isStandIn = (message[1]! & STAND_IN) !== 0;
  const expectedQueueMs = view.getFloat32(20, true);
  const retryAfterS = view.getFloat32(24, true);
  return {
    kind: "reply",
    id: view.getUint32(4, true),
    status: view.getUint16(2, true),
    jsonBytes: jsonBytesOf(view.getUint32(8, true)),
    times: Number.isNaN(queueMs) ? null : { queueMs, computeMs, isStandIn, expectedQueueMs },
    retryAfterS: Number.isNaN(retryAfterS) ? null : retryAfterS,
    body: message.subarray(REPLY_BYTES),
  };
}
