import fastify, { type FastifyInstance, LogController } from "fastify";
import { requestId } from "../guard/request-id.ts";
import { withoutBase } from "../options/base-path.ts";
import type { CloudConfig } from "../options/config.ts";
import { answerClientError, answerExpectations, refusePreface, sendError } from "./http-errors.ts";

/** A phone on 3G needs its time for a large cut; a client that trickles does not get for ever. */
const RECEIVE_TIMEOUT_MS = 120_000;
const HEADERS_TIMEOUT_MS = 15_000;
/** How often these two are looked after; and the guard, not Node, refuses requests without a host. */
export const HTTP = { connectionsCheckingInterval: 5_000, requireHostHeader: false } as const;
/** A connection on which nothing moves, either way, beyond the time that a request may wait and run. */
const SILENT_MS = 60_000;
/** Above the common 60 s of proxies, so that it is never we who close a connection in use. */
const KEEP_ALIVE_TIMEOUT_MS = 72_000;
/** Of a virtual name: all tensors of a cut. */
export const MAX_PARAM_LENGTH = 2048;

/** The HTTP server, without routes: its limits of time and size, and what it answers when they are passed. */
export function openApp(config: CloudConfig): FastifyInstance {
  const app = fastify({
    // The standard output is for the one line that scripts wait for.
    logger: { level: config.logLevel, stream: process.stderr },
    logController: new LogController({ disableRequestLogging: config.logLevel !== "debug" }),
    bodyLimit: config.bodyLimitBytes,
    requestTimeout: RECEIVE_TIMEOUT_MS,
    connectionTimeout: SILENT_MS + 2 * config.requestTimeoutMs,
    http: HTTP,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    forceCloseConnections: "idle",
    // A request that still arrives on a connection of before is served as any other.
    return503OnClosing: false,
    genReqId: requestId,
    trustProxy: (_, hop) => hop < config.trustedProxies,
    rewriteUrl: ({ url = "/" }) => withoutBase(config.basePath, url),
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH, ignoreTrailingSlash: true },
    frameworkErrors: sendError,
    clientErrorHandler: answerClientError,
  });
  app.server.headersTimeout = HEADERS_TIMEOUT_MS;
  app.server.removeAllListeners("request").on("request", refusePreface(app.routing));
  answerExpectations(app.server);
  return app;
}
