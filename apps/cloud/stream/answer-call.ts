import type { FastifyRequest } from "fastify";
import { toEddiError } from "#shared/errors";
import { STREAM_PATH, type StreamCall, type StreamReply } from "#shared/protocol";
import type { BytesUnderWay, HeldBytes } from "../guard/bytes-under-way.ts";
import { reportError } from "../http/http-errors.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { modelIdOf } from "../models/named-model.ts";
import type { CloudConfig } from "../options/config.ts";
import { answerInfer, type InferService } from "../protocol/answer-infer.ts";
import { inflateWithin, overLimit } from "../protocol/inflate.ts";
import type { Asker } from "../tails/executor.ts";

/** What calls are answered from. */
export interface StreamService extends InferService {
  readonly config: InferService["config"] & Pick<CloudConfig, "basePath" | "bodyLimitBytes" | "corsOrigins">;
  readonly metrics: InferService["metrics"] &
    Pick<Metrics, "received" | "answered" | "notAnswered" | "connectionClosed">;
  /**
   * Called for every message as hooks are for every request: whatever is counted or limited per request.
   *
   * @param client the request that opened the stream, which has passed the hooks itself
   * @throws EddiError what the client is told
   */
  readonly admit: (client: FastifyRequest) => void;
  readonly bytes: BytesUnderWay;
  /** Who sends what comes on a stream. */
  readonly senderOf: (client: FastifyRequest) => Asker;
}

export type InferMessage = Extract<StreamCall, { kind: "infer" }>;
export type CallReply = Extract<StreamReply, { kind: "reply" }>;

/** Answers one call, as `POST .../infer` would. Errors are replies. */
export async function answerCall(
  service: StreamService,
  client: FastifyRequest,
  call: InferMessage,
  signal: AbortSignal,
): Promise<CallReply> {
  const receivedMs = performance.now();
  const { metrics } = service;
  metrics.received(call.body.byteLength);
  const reply = await settle(service, client, call, signal, receivedMs);
  metrics.answered(STREAM_PATH, reply.status, performance.now() - receivedMs, reply.body.byteLength);
  return reply;
}

/** The reply that tells of an error. */
export function errorReply(client: FastifyRequest, id: number, thrown: unknown): CallReply {
  const { status, message, retryAfterS, times } = reportError(toEddiError(thrown), client);
  const body = new TextEncoder().encode(JSON.stringify({ error: message }));
  return { kind: "reply", id, status, jsonBytes: null, times, retryAfterS, body };
}

async function settle(
  service: StreamService,
  client: FastifyRequest,
  call: InferMessage,
  signal: AbortSignal,
  receivedMs: number,
): Promise<CallReply> {
  const taken = new AbortController();
  const either = AbortSignal.any([signal, taken.signal]);
  const held = service.bytes.hold(service.senderOf(client).client, (why) => taken.abort(why));
  try {
    service.admit(client);
    const { body, inflateMs } = await openBody(call, service.config.bodyLimitBytes, held, either);
    const { model: modelId, version, jsonBytes } = call;
    const asker = service.senderOf(client);
    const asked = { asker, modelId, version, body, jsonBytes, receivedMs, inflateMs, held, signal };
    const { frame, isBinary, times } = await answerInfer(service, asked);
    return {
      kind: "reply",
      id: call.id,
      status: 200,
      jsonBytes: isBinary ? frame.jsonBytes : null,
      times,
      retryAfterS: null,
      body: frame.body,
    };
  } catch (thrown) {
    service.metrics.notRun(modelIdOf(call.model), thrown);
    service.metrics.notAnswered(thrown as Error);
    return errorReply(client, call.id, thrown);
  } finally {
    held.release();
  }
}

/** Into memory of its own, which can be handed to a worker. */
async function openBody(
  { body, encoding }: InferMessage,
  limit: number,
  held: HeldBytes,
  signal: AbortSignal,
): Promise<{ readonly body: Uint8Array; readonly inflateMs: number }> {
  if (body.byteLength > limit) throw overLimit(limit, `${body.byteLength}`);
  held.set(body.byteLength);
  if (encoding === null || body.byteLength === 0) return { body: new Uint8Array(body), inflateMs: 0 };
  const start = performance.now();
  const inflated = await inflateWithin(body, encoding, limit, held, signal);
  held.set(inflated.buffer.byteLength);
  return { body: inflated, inflateMs: performance.now() - start };
}
