import {
  type IncomingMessage,
  METHODS,
  type RequestListener,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from "node:http";
import type { Socket } from "node:net";
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { EddiError, HTTP_STATUS } from "#shared/errors";
import { formatServerTiming, type ServerTimes } from "#shared/protocol";
import { setHeaders } from "../guard/headers.ts";
import type { KnownPath } from "../guard/known-paths.ts";
import { isPageItself, sendMissingPage } from "../page/static-files.ts";
import { Shed } from "../tails/executor.ts";

/** What is worth trying again, and not before. */
const RETRIED: readonly number[] = [429, 503];
export const RETRY_AFTER_S = 1;
/** What a client sent may stand in an error, but nobody needs all of it back. */
const MAX_MESSAGE_LENGTH = 1_000;

/** Every error leaves as {"error": message} with its status; what is not meant for users stays in the log. */
export function answerErrors(app: FastifyInstance, pathOf: (url: string) => KnownPath | null): void {
  app.setErrorHandler((error: FastifyError, request, reply) => sendError(error, request, reply));
  app.setNotFoundHandler((request, reply) => {
    if (isPageItself(request)) return sendMissingPage(reply);
    const methods = [...(pathOf(request.url)?.methods ?? [])];
    if (methods.length > 0 && !methods.includes(request.method) && !isPreflight(request)) {
      reply.header("allow", methods.join(", "));
      const message = `expected ${methods.join(" or ")}, got ${request.method} ${request.url.slice(0, 200)}`;
      return sendError(new EddiError("bad-method", message), request, reply);
    }
    const message = `expected a known path, got ${request.method} ${request.url.slice(0, 200)}`;
    sendError(new EddiError("not-found", message), request, reply);
  });
}

/** A browser asks whether pages of other origins may call: where they may, nothing comes here. */
function isPreflight({ method, headers }: FastifyRequest): boolean {
  return method === "OPTIONS" && headers["access-control-request-method"] !== undefined;
}

export function sendError(error: Error, request: FastifyRequest, reply: FastifyReply): void {
  const { status, message, retryAfterS, times } = reportError(error, request);
  // Fastify closes the connections of those whose bodies it has not read to their end, with what it has to say: here the
  // rest is thrown away (`discardBody`).
  reply.removeHeader("connection");
  // An address that cannot be read comes here without having passed the hooks.
  if (!reply.hasHeader("x-request-id")) setHeaders(request, reply);
  if (times !== null) reply.header("server-timing", formatServerTiming(times));
  if (retryAfterS !== null) reply.header("retry-after", retryAfterS);
  reply.code(status).header("cache-control", "no-store").type("application/json").send({ error: message });
}

/** What a client is told of an error. */
export interface ToldError {
  readonly status: number;
  readonly message: string;
  readonly retryAfterS: number | null;
  /** Where load was the reason. */
  readonly times: ServerTimes | null;
}

/** Logs an error, and says what the client is told of it. */
export function reportError(error: Error, request: FastifyRequest): ToldError {
  const { status, message } = describe(error, request);
  if (status >= 500 && !(error instanceof EddiError && error.code !== "internal")) {
    request.log.error({ err: error }, "internal error");
  } else request.log.debug({ status }, message);
  const { cause } = error;
  return {
    status,
    message,
    retryAfterS: RETRIED.includes(status) ? retryAfterS(cause) : null,
    times: cause instanceof Shed ? refusedAfter(cause.waitMs ?? 0) : null,
  };
}

/** What was shed neither waited nor ran: what is told is how long it would have waited. */
function refusedAfter(expectedQueueMs: number): ServerTimes {
  return { receiveMs: 0, queueMs: 0, computeMs: 0, isStandIn: false, expectedQueueMs };
}

function retryAfterS(cause: unknown): number {
  return cause instanceof Shed
    ? Math.max(RETRY_AFTER_S, Math.ceil(cause.retryAfterMs / 1000))
    : RETRY_AFTER_S;
}

/** Answers what is not HTTP, or does not end: no request was made of it yet. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, message] = CLIENT_ERRORS[error.code ?? ""] ?? [400, "expected an HTTP/1.1 request"];
  const body = JSON.stringify({ error: message });
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "connection: close",
    "content-type: application/json",
    "x-content-type-options: nosniff",
    `content-length: ${body.length}`,
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}

/**
 * Node takes HTTP/2's preface for a request where what follows is of no version. Fastify has no route for its method, not
 * even for what is not found, and logs all that it has.
 */
export function refusePreface(route: RequestListener): RequestListener {
  const known = new Set(METHODS);
  return (request, response) => {
    if (known.has(request.method ?? "")) route(request, response);
    else answerClientError(new Error("unknown method"), request.socket);
  };
}

/** Node's own answers to these have no text. */
export function answerExpectations(server: Pick<Server, "on">): void {
  server.on("checkExpectation", ({ headers }: IncomingMessage, response: ServerResponse) => {
    const message = `expect: expected 100-continue, got ${String(headers.expect).slice(0, 100)}`;
    const body = Buffer.from(JSON.stringify({ error: message }));
    const fields = { connection: "close", "content-type": "application/json", "content-length": body.length };
    response.writeHead(417, fields).end(body);
  });
}

const CLIENT_ERRORS: Readonly<Record<string, readonly [number, string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, "expected the whole request, it did not come in time"],
  HPE_HEADER_OVERFLOW: [431, "expected smaller request headers"],
};

function describe(error: Error, request: FastifyRequest): { status: number; message: string } {
  if (error instanceof EddiError && error.code !== "internal") {
    return { status: HTTP_STATUS[error.code], message: error.message.slice(0, MAX_MESSAGE_LENGTH) };
  }
  const { statusCode = 500, code } = error as FastifyError;
  if (code === "FST_ERR_CTP_INVALID_MEDIA_TYPE") {
    const came = request.headers["content-type"] ?? "none";
    const expected = "expected application/octet-stream or application/json";
    return { status: 415, message: `content-type: ${expected}, got ${came.slice(0, 100)}` };
  }
  if (code === "FST_ERR_MAX_PARAM_LENGTH") {
    return { status: 414, message: "expected shorter parts of the path, got a longer one" };
  }
  if (statusCode >= 400 && statusCode < 500) {
    return { status: statusCode, message: error.message.slice(0, MAX_MESSAGE_LENGTH) };
  }
  return { status: statusCode, message: `internal error in request ${request.id}` };
}
