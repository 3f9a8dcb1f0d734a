import { resolve } from "node:path";
import fastifyStatic from "@fastify/static";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Registry } from "../models/registry.ts";
import type { Samples } from "./samples.ts";

/**
 * What every file of the page carries beside what every answer does: it may load nothing from elsewhere, and run no
 * script but ours. TF.js' WebAssembly threads would need `blob:` for scripts and workers; the page does without them.
 */
const PAGE_HEADERS = {
  "content-security-policy": [
    "default-src 'self'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "worker-src 'self'",
    "connect-src 'self'",
    "img-src 'self' blob: data:",
    "media-src 'self' blob:",
    "style-src 'self' 'unsafe-inline'",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
  "permissions-policy": "camera=(self), microphone=(), geolocation=()",
} as const;

/** What a browser loads before it can send a key, and photos, which it loads as images. */
const PAGE = { config: { access: "page" } } as const;

const FOR_EVER = "public, max-age=31536000, immutable";
const ASK_EACH_TIME = "no-cache";

/** Page, models and sample photos: everything from one origin. */
export async function staticFiles(
  app: FastifyInstance,
  dirs: { readonly webDir: string; readonly modelsDir: string },
  registry: Registry,
  samples: Samples,
): Promise<void> {
  const webDir = resolve(dirs.webDir);
  const modelsDir = resolve(dirs.modelsDir);
  await app.register(fastifyStatic, {
    serve: false,
    dotfiles: "ignore",
    cacheControl: false,
    preCompressed: true,
  });

  app.get<{ Params: { "*": string }; Querystring: { v?: unknown } }>("/models/*", (request, reply) => {
    const path = request.params["*"];
    return sendFile(reply, path, modelsDir, isNamedByHash(registry, path, request.query.v));
  });
  app.get("/samples/index.json", PAGE, async (_, reply) => {
    reply.headers(PAGE_HEADERS).header("cache-control", ASK_EACH_TIME);
    return samples.index;
  });
  app.get<{ Params: { "*": string } }>("/samples/photos/*", PAGE, (request, reply) => {
    const path = samples.files.get(request.params["*"]);
    return path === undefined ? reply.callNotFound() : sendFile(reply, path, samples.dir, true);
  });
  app.get<{ Params: { "*": string } }>("/*", PAGE, (request, reply) => {
    const path = request.params["*"];
    const file = path === "" || path.endsWith("/") ? `${path}index.html` : path;
    return sendFile(reply, file, webDir, path.startsWith("assets/"));
  });
}

/** What answers when there is no such file. */
export function sendMissingPage(reply: FastifyReply): FastifyReply {
  const text = "The page has not been built yet. Run `npm run build`, then load this again.\n";
  return reply.code(404).header("cache-control", "no-store").type("text/plain; charset=utf-8").send(text);
}

export function isPageItself(request: FastifyRequest): boolean {
  return request.method === "GET" && /^\/(index\.html)?(\?|$)/.test(request.url);
}

function sendFile(reply: FastifyReply, path: string, root: string, neverChanges: boolean): FastifyReply {
  return reply
    .headers(PAGE_HEADERS)
    .header("cache-control", neverChanges ? FOR_EVER : ASK_EACH_TIME)
    .sendFile(path, root);
}

/** A shard asked for by its hash, `?v=` and its first digits, never changes under that address. */
function isNamedByHash(registry: Registry, path: string, v: unknown): boolean {
  if (typeof v !== "string" || v.length < 8) return false;
  const [id, file] = [path.slice(0, path.indexOf("/")), path.slice(path.indexOf("/") + 1)];
  const shards = registry.models().find(({ files }) => files.id === id)?.model.shards ?? [];
  return shards.some((shard) => shard.path === file && shard.sha256.startsWith(v));
}
