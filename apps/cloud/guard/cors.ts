import cors from "@fastify/cors";
import type { FastifyInstance } from "fastify";
import { HEADER_LENGTH } from "#shared/protocol";

/** How long a browser need not ask again. */
const PREFLIGHT_MAX_AGE_S = 600;

/**
 * Lets pages of these origins call the service; without any there is no CORS. Preflight requests are answered here:
 * they carry no key. Cookies play no part.
 */
export async function allowOrigins(app: FastifyInstance, origins: readonly string[]): Promise<void> {
  if (origins.length === 0) return;
  await app.register(cors, {
    origin: [...origins],
    methods: ["GET", "HEAD", "POST"],
    allowedHeaders: [
      "authorization",
      "content-encoding",
      "content-type",
      HEADER_LENGTH,
      "range",
      "x-api-key",
      "x-request-id",
    ],
    exposedHeaders: ["content-encoding", HEADER_LENGTH, "retry-after", "server-timing", "x-request-id"],
    maxAge: PREFLIGHT_MAX_AGE_S,
    // What is no preflight request after all is answered as one, rather than with an error of the plugin's own.
    strictPreflight: false,
  });
}
