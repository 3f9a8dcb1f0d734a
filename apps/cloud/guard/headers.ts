import type { FastifyReply, FastifyRequest } from "fastify";

/**
 * What every answer carries. Pages of other origins get nothing but what CORS allows them, which asks for no
 * `cross-origin-resource-policy` of its own; whoever embeds us would see us in a frame, and must not.
 */
const HEADERS = {
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-embedder-policy": "require-corp",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
} as const;

/** A year, for this name alone. */
const HSTS = "max-age=31536000";

/** Sets the headers of `HEADERS`, the request's id, and over TLS `strict-transport-security`. */
export function setHeaders(request: FastifyRequest, reply: FastifyReply): void {
  reply.headers(HEADERS).header("x-request-id", request.id);
  // A developer's localhost serves other things than this, and not by TLS.
  if (request.protocol === "https" && request.hostname !== "localhost") {
    reply.header("strict-transport-security", HSTS);
  }
}
