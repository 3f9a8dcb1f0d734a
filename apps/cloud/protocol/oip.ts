import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { EddiError } from "#shared/errors";
import { formatServerTiming, HEADER_LENGTH } from "#shared/protocol";
import type { EngineInfo } from "../../engines/index.ts";
import type { BytesUnderWay, HeldBytes } from "../guard/bytes-under-way.ts";
import { RETRY_AFTER_S } from "../http/http-errors.ts";
import { findNamed } from "../models/named-model.ts";
import type { CloudConfig } from "../options/config.ts";
import type { Asker } from "../tails/executor.ts";
import { answerInfer, type InferAnswer, type InferService } from "./answer-infer.ts";
import { modelConfig, modelMetadata } from "./describe-model.ts";
import { checkMediaType } from "./media-type.ts";
import { readBody } from "./read-body.ts";
import { serverMetadata } from "./server-metadata.ts";

/** What the routes answer from. */
export interface Service extends InferService {
  readonly config: InferService["config"] &
    Pick<CloudConfig, "bodyLimitBytes" | "modelControl" | "precision">;
  /** Null until all workers are warm. */
  readonly engine: () => EngineInfo | null;
  readonly bytes: BytesUnderWay;
  /** Tails that run at once. */
  readonly workers: () => number;
  /** Why load balancers should send nothing more, or null: draining, it still serves. */
  readonly unready: () => string | null;
  /** Who sends a request. */
  readonly senderOf: (request: FastifyRequest) => Asker;
}

const HEALTH = { config: { access: "health" } } as const;

const MAX_PROBE_BYTES = 256 << 10;

interface ModelRoute {
  Params: { readonly model: string; readonly version?: string };
}

/** The Open Inference Protocol v2 with the binary tensor extension. */
export function oipRoutes(app: FastifyInstance, service: Service): void {
  const { registry } = service;
  const find = ({ params }: FastifyRequest<ModelRoute>) =>
    findNamed(registry, params.model, params.version ?? null);
  const serving = () => ({
    engine: service.engine(),
    precision: service.config.precision,
    workers: service.workers(),
    maxBatch: service.config.maxBatch,
  });
  /** What a probe asks for: how long a request of the same client would wait. */
  const tellQueue = (request: FastifyRequest, reply: FastifyReply): void => {
    const receiveMs = performance.now() - request.receivedMs;
    const { expectedQueueMs } = service.executor.load(service.senderOf(request));
    const times = { receiveMs, queueMs: 0, computeMs: 0, isStandIn: false, expectedQueueMs };
    reply.header("server-timing", formatServerTiming(times));
  };
  app.removeAllContentTypeParsers();
  // Whatever its type: what that says of the body is looked at once the body is there. A path that there is not, or not
  // for this method, has no use for one.
  app.addContentTypeParser("*", async (request: FastifyRequest, payload: NodeJS.ReadableStream) => {
    if (request.is404) return null;
    const { body, inflateMs, held } = await readBody(request, payload, service.bytes);
    Object.assign(request, { inflateMs, held });
    return body;
  });
  app.decorateRequest("receivedMs", 0);
  app.decorateRequest("inflateMs", 0);
  app.decorateRequest("held", null);
  app.addHook("onResponse", async ({ held }) => held?.release());
  app.addHook("onRequest", async (request, { raw }) => {
    raw.once("close", () => request.held?.release());
    request.receivedMs = performance.now();
    if (request.headers["content-type"]?.trim() === "") delete request.headers["content-type"];
  });

  app.get("/v2", async () => serverMetadata(service.config));
  app.get("/v2/health/live", HEALTH, async (request, reply) => {
    tellQueue(request, reply);
    return { live: true };
  });
  app.get("/v2/health/ready", HEALTH, async (_, reply) => {
    const error = service.unready();
    if (error === null) return { ready: true };
    return reply.code(503).header("retry-after", RETRY_AFTER_S).send({ ready: false, error });
  });
  app.post("/v2/probe", { bodyLimit: MAX_PROBE_BYTES }, async (request, reply) => {
    tellQueue(request, reply);
    return { received: bodyOf(request).byteLength };
  });

  app.get("/v2/models/stats", async () => ({
    model_stats: registry.models().map(({ model }) => service.stats.describe(model, model.metadata.id)),
  }));
  for (const path of ["/v2/models/:model", "/v2/models/:model/versions/:version"]) {
    app.get<ModelRoute>(path, async (request) => {
      const found = find(request);
      const versions = registry.versions(found.model.metadata.id).map(({ model }) => model.version);
      return modelMetadata(found, versions, serving());
    });
    app.get<ModelRoute>(`${path}/config`, async (request) => modelConfig(find(request), serving()));
    app.get<ModelRoute>(`${path}/stats`, async (request) => {
      const { model, name } = find(request);
      return { model_stats: [service.stats.describe(model, name)] };
    });
    app.get<ModelRoute>(`${path}/ready`, async (request, reply) => {
      const name = request.params.model;
      const error = service.unready() ?? reasonAgainst(() => find(request));
      if (error === null) return { name, ready: true };
      return reply.code(503).header("retry-after", RETRY_AFTER_S).send({ name, ready: false, error });
    });
    const options = { bodyLimit: service.config.bodyLimitBytes };
    app.post<ModelRoute>(`${path}/infer`, options, async (request, reply) => {
      const { params, receivedMs, inflateMs } = request;
      const [body, jsonBytes] = [bodyOf(request), jsonBytesOf(request)];
      checkMediaType(request.headers["content-type"], body, jsonBytes);
      const answer = await answerInfer(service, {
        asker: service.senderOf(request),
        modelId: params.model,
        version: params.version ?? null,
        body,
        jsonBytes,
        receivedMs,
        inflateMs,
        held: request.held,
        signal: goneSignal(reply),
      });
      return sendAnswer(reply, answer);
    });
  }
}

function sendAnswer(reply: FastifyReply, { frame, isBinary, times }: InferAnswer): FastifyReply {
  const { body, jsonBytes } = frame;
  reply.header("server-timing", formatServerTiming(times));
  if (isBinary) reply.type("application/octet-stream").header(HEADER_LENGTH, jsonBytes);
  else reply.type("application/json");
  return reply.send(Buffer.from(body.buffer, body.byteOffset, body.byteLength));
}

function bodyOf(request: FastifyRequest): Uint8Array {
  return request.body instanceof Uint8Array ? request.body : new Uint8Array(0);
}

/** @returns null when the whole body is JSON, whatever its content type says; 0 when nothing of it is */
function jsonBytesOf(request: FastifyRequest): number | null {
  const header = request.headers[HEADER_LENGTH];
  if (header === undefined) return null;
  if (typeof header === "string" && /^\d{1,10}$/.test(header)) return Number(header);
  throw new EddiError("bad-frame", `${HEADER_LENGTH}: expected bytes of the JSON part, got ${header}`);
}

/** Aborts when the connection closes before the answer has gone out. */
function goneSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once("close", () => {
    if (!reply.raw.writableEnded) gone.abort(new EddiError("cancelled", "the client has gone"));
  });
  return gone.signal;
}

function reasonAgainst(find: () => unknown): string | null {
  try {
    find();
    return null;
  } catch (thrown) {
    if (thrown instanceof EddiError && thrown.code === "unavailable") return thrown.message;
    throw thrown;
  }
}

declare module "fastify" {
  interface FastifyRequest {
    /** When the request's headers had come, on the clock of `performance.now()`. */
    receivedMs: number;
    /** What it took to inflate the body. */
    inflateMs: number;
    /** What its body holds; null before it is there. */
    held: HeldBytes | null;
  }
}
