import type { FastifyInstance, FastifyRequest } from "fastify";
import findMyWay from "find-my-way";

/** A path that there is, whatever the method. */
export interface KnownPath {
  /** In the order in which they were declared. */
  readonly methods: ReadonlySet<string>;
  readonly access: FastifyRequest["routeOptions"]["config"]["access"];
}

/** The page has any path that nothing else has; these two are its own. */
const PAGE = ["/", "/index.html"];

/**
 * Learns the app's paths as its routes are declared, to tell a wrong method from a path that there is not: Fastify looks
 * for both at once.
 *
 * @returns what finds a path as a request has it
 */
export function knowPaths(app: FastifyInstance, maxParamLength: number): (url: string) => KnownPath | null {
  const router = findMyWay({ ignoreTrailingSlash: true, maxParamLength });
  const known = new Map<string, KnownPath & { readonly methods: Set<string> }>();
  app.addHook("onRoute", ({ method, url, config }) => {
    for (const path of url === "/*" ? PAGE : [url]) {
      // What takes every path tells of none.
      if (path === "*") continue;
      const found = known.get(path) ?? { methods: new Set<string>(), access: config?.access };
      if (!known.has(path)) router.on("GET", path, () => {}, found);
      known.set(path, found);
      for (const one of [method].flat()) found.methods.add(one);
    }
  });
  return (url) => (router.find("GET", url)?.store as KnownPath | undefined) ?? null;
}
