import type { FastifyInstance } from "fastify";
import { modelIdOf } from "../models/named-model.ts";
import { Shed } from "../tails/executor.ts";
import type { Metrics } from "./metrics.ts";

/** Counts every answer, and tells all of it at `/metrics` in Prometheus' text format. */
export function metricsRoute(app: FastifyInstance, metrics: Metrics): void {
  // Before the body is handed to a worker, and gone from here.
  app.addHook("preHandler", async ({ body, headers }) => {
    const bytes = headers["content-length"] ?? (body instanceof Uint8Array ? body.byteLength : 0);
    metrics.received(Number(bytes));
  });
  app.addHook("onError", async ({ routeOptions, params }, _, error) => {
    metrics.notAnswered(error);
    // Of tails that are refused before anything of them is read.
    if (!(error.cause instanceof Shed) || !routeOptions.url?.endsWith("/infer")) return;
    metrics.notRun(modelIdOf((params as { model: string }).model), error);
  });
  app.addHook("onResponse", async (request, reply) => {
    const sent = request.method === "HEAD" ? 0 : Number(reply.getHeader("content-length") ?? 0);
    const route = request.is404 ? undefined : request.routeOptions.url;
    metrics.answered(route, reply.statusCode, reply.elapsedTime, sent);
  });
  app.get("/metrics", async (_, reply) => {
    reply.type(metrics.prometheus.contentType).header("cache-control", "no-store");
    return metrics.prometheus.metrics();
  });
}
