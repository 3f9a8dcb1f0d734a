import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance } from "fastify";
import { openApi } from "./openapi.ts";

/** The page loads nothing from elsewhere; plain HTTP stays as it is, which the plugin's own policy would upgrade. */
const POLICY = {
  "default-src": "'self'",
  "img-src": "'self' data:",
  "style-src": "'self' 'unsafe-inline'",
  "object-src": "'none'",
  "base-uri": "'none'",
  "form-action": "'none'",
  "frame-ancestors": "'none'",
} as const;

/**
 * The OpenAPI document at `/docs`, as a page and as JSON and YAML. It is written down, not made from schemas of the
 * routes: these would check and serialise too.
 */
export async function docsRoute(app: FastifyInstance, options: { readonly metrics: boolean }): Promise<void> {
  await app.register(async (docs) => {
    // A browser opens it before it can send a key; nothing in it is secret.
    docs.addHook("onRoute", (route) => {
      route.config = { ...route.config, access: "page" };
    });
    // The plugin's own redirect would lose a prefix that a proxy has put before it.
    docs.addHook("onRequest", async (request, reply) => {
      if (/^\/docs\/static\/index\.html(\?|$)/.test(request.url)) return reply.redirect("..");
    });
    await docs.register(swagger, { mode: "static", specification: { document: openApi(options) } });
    await docs.register(swaggerUi, {
      routePrefix: "/docs",
      // So that the addresses in its page are relative.
      indexPrefix: ".",
      staticCSP: POLICY,
      theme: { title: "EDDI cloud service" },
      uiConfig: { deepLinking: true, defaultModelsExpandDepth: 0 },
    });
  });
}
