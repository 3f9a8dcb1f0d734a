import { createHash } from "node:crypto";
import { resolve } from "node:path";
import fastifyStatic from "@fastify/static";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Folder } from "../files/folder.ts";
import type { Registry } from "../models/registry.ts";
import type { CloudConfig } from "../options/config.ts";
import { modelSamplePath, modelSamples, otherSamples } from "./model-samples.ts";
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

/** Of the one script that stands in the page itself: it ends an address that lacks its slash. */
export const INLINE_SCRIPT = "sha256-O2uUwwSUq2g3n1ZnlrUMqnjKHNvmhr4FlEqAYIldYuw=";

/** What the page itself carries in addition: that script may run. */
const PAGE_POLICY = PAGE_HEADERS["content-security-policy"].replace(
  "'wasm-unsafe-eval'",
  `'wasm-unsafe-eval' '${INLINE_SCRIPT}'`,
);

/** What a browser loads before it can send a key, and photos, which it loads as images. */
const PAGE = { config: { access: "page" } } as const;

const FOR_EVER = "public, max-age=31536000, immutable";
const FOR_EVER_HERE = "private, max-age=31536000, immutable";
const ASK_EACH_TIME = "no-cache";

/** What the build writes beside a file of the page. */
const COMPRESSED = [".br", ".gz"] as const;

/** Page, models and sample photos: everything from one origin. */
export async function staticFiles(
  app: FastifyInstance,
  config: Pick<CloudConfig, "webDir" | "modelsDir" | "keysFile">,
  registry: Registry,
  samples: Samples,
): Promise<void> {
  const web = new Folder(resolve(config.webDir));
  const models = new Folder(resolve(config.modelsDir));
  // A proxy that kept what needs a key would give it to those without one.
  const namedForEver = config.keysFile === "" ? FOR_EVER : FOR_EVER_HERE;
  await app.register(fastifyStatic, {
    serve: false,
    dotfiles: "ignore",
    cacheControl: false,
    preCompressed: true,
  });

  app.get<{ Params: { "*": string }; Querystring: { v?: unknown } }>("/models/*", (request, reply) => {
    const path = request.params["*"];
    const isNamed = isNamedByHash(registry, path, request.query.v);
    return sendFile(reply, path, models, isNamed ? namedForEver : ASK_EACH_TIME);
  });
  app.get<{ Querystring: { model?: unknown } }>("/samples/index.json", PAGE, async (request, reply) => {
    const { model } = request.query;
    const own = await modelSamples(models, registry, model);
    const usual = own.length === 0 ? samples.index : { source: "photos", photos: own };
    const index = JSON.stringify({ ...usual, others: await otherSamples(models, registry, model) });
    const etag = createHash("sha256").update(index).digest("base64url").slice(0, 22);
    reply.headers(PAGE_HEADERS).header("cache-control", ASK_EACH_TIME).header("etag", `"${etag}"`);
    // Among others, and weak where a proxy has compressed it.
    if (request.headers["if-none-match"]?.includes(`"${etag}"`)) return reply.code(304).send();
    return reply.type("application/json; charset=utf-8").send(index);
  });
  app.get<{ Params: { "*": string } }>("/samples/photos/*", PAGE, (request, reply) => {
    const path = samples.files.get(request.params["*"]);
    return path === undefined ? reply.callNotFound() : sendFile(reply, path, samples.folder, FOR_EVER);
  });
  app.get<{ Params: { id: string; name: string } }>("/samples/models/:id/:name", PAGE, (request, reply) => {
    const path = modelSamplePath(registry, request.params.id, request.params.name);
    return path === null ? reply.callNotFound() : sendFile(reply, path, models, ASK_EACH_TIME);
  });
  app.get<{ Params: { "*": string } }>("/*", PAGE, (request, reply) => {
    const path = request.params["*"];
    const file = path === "" || path.endsWith("/") ? `${path}index.html` : path;
    const cacheControl = path.startsWith("assets/") ? FOR_EVER : ASK_EACH_TIME;
    return sendFile(reply, file, web, cacheControl, file === "index.html" ? PAGE_POLICY : undefined);
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

/**
 * Who opens a FIFO, or a file of a dead mount, holds up one of the few threads that read files, for ever: so they are
 * looked at before. What a link leads to outside of the folder is not served.
 *
 * @throws EddiError `unavailable` when the file system does not answer
 */
async function sendFile(
  reply: FastifyReply,
  path: string,
  folder: Folder,
  cacheControl: string,
  policy: string = PAGE_HEADERS["content-security-policy"],
): Promise<FastifyReply> {
  // Nothing is called so, and it is not for us to tell: the plugin answers it.
  const isName = !path.includes("\0");
  if (isName && !(await folder.hasFile(path, COMPRESSED))) {
    reply.callNotFound();
    return reply;
  }
  reply.headers({ ...PAGE_HEADERS, "content-security-policy": policy, "cache-control": cacheControl });
  return reply.sendFile(path, folder.dir);
}

/** A shard asked for by its hash, `?v=` and its first digits, never changes under that address. */
function isNamedByHash(registry: Registry, path: string, v: unknown): boolean {
  if (typeof v !== "string" || v.length < 8) return false;
  const [id, file] = [path.slice(0, path.indexOf("/")), path.slice(path.indexOf("/") + 1)];
  const shards = registry.models().find(({ files }) => files.id === id)?.model.shards ?? [];
  return shards.some((shard) => shard.path === file && shard.sha256.startsWith(v));
}
