import type { FastifyInstance } from "fastify";
import { EddiError } from "#shared/errors";

/** Parts of a path as they stand in addresses, encoded where need be; `../page` and `..` would lead elsewhere. */
const BASE_PATH = /^(\/(?!\.{1,2}(\/|$))[A-Za-z0-9._~!$&'()*+,;=:@%-]+)*\/?$/;

/**
 * The prefix below which a proxy serves everything, and which it may leave in what it passes on.
 *
 * @returns without a slash at its end: empty for none
 * @throws EddiError `bad-argument`
 */
export function readBasePath(text: string): string {
  if (BASE_PATH.test(text)) return text.replace(/\/$/, "");
  throw new EddiError(
    "bad-argument",
    `--base-path: expected a path such as /eddi, got ${text.slice(0, 100)}`,
  );
}

/**
 * An address as the routes know it. What comes without the prefix is answered too: some proxies take it off, and
 * health and metrics are asked for by those who stand beside the proxy.
 */
export function withoutBase(basePath: string, url: string): string {
  if (basePath === "" || !url.startsWith(basePath)) return url;
  const rest = url.slice(basePath.length);
  if (rest === "" || rest.startsWith("?")) return `/${rest}`;
  return rest.startsWith("/") ? rest : url;
}

/** Sends who asks for the prefix alone to the folder that it is: the page's addresses are relative to that. */
export function redirectToBase(app: FastifyInstance, basePath: string): void {
  if (basePath === "") return;
  app.addHook("onRequest", async (request, reply) => {
    const [path, query] = request.originalUrl.split(/\?(.*)/s);
    if (path !== basePath || !["GET", "HEAD"].includes(request.method)) return;
    return reply.redirect(`${basePath}/${query === undefined ? "" : `?${query}`}`, 308);
  });
}
