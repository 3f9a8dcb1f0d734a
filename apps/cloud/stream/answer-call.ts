import type { FastifyRequest } from "fastify";
import { toEddiError } from "#shared/errors";
import { STREAM_PATH, type StreamCall, type StreamReply } from "#shared/protocol";
import type { CloudConfig } from "../config.ts";
import { reportError } from "../http-errors.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { answerInfer, type InferService } from "../protocol/answer-infer.ts";
import { inflateWithin, overLimit } from "../protocol/read-body.ts";

/** What calls are answered from. */
export interface StreamService extends InferService {
  readonly config: InferService["config"] & Pick<CloudConfig, "basePath" | "bodyLimitBytes" | "corsOrigins">;
  readonly metrics: InferService["metrics"] & Pick<Metrics, "received" | "answered">;
  /**
   * Called for every message as hooks are for every request: whatever is counted or limited per request.
   *
   * @param client the request that opened the stream, which has passed the hooks itself
   * @throws EddiError what the client is told
   */
  readonly admit: (client: FastifyRequest) => void;
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
  try {
    service.admit(client);
    const { body, inflateMs } = await openBody(call, service.config.bodyLimitBytes);
    const { model: modelId, version, jsonBytes } = call;
    const asked = { modelId, version, body, jsonBytes, receivedMs, inflateMs, signal };
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
    return errorReply(client, call.id, thrown);
  }
}

/** Into memory of its own, which can be handed to a worker. */
async function openBody(
  { body, encoding }: InferMessage,
  limit: number,
): Promise<{ readonly body: Uint8Array; readonly inflateMs: number }> {
  if (body.byteLength > limit) throw overLimit(limit, `${body.byteLength}`);
  if (encoding === null) return { body: new Uint8Array(body), inflateMs: 0 };
  const start = performance.now();
  const inflated = await inflateWithin(body, encoding, limit);
  return { body: inflated, inflateMs: performance.now() - start };
}
