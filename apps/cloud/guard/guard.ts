import type { FastifyInstance, FastifyRequest } from "fastify";
import { EddiError } from "#shared/errors";
import { Shed } from "../execution/executor.ts";
import { clientAddress } from "./client-address.ts";
import { type Keys, presentedKey } from "./keys.ts";
import { type RateLimit, TokenBuckets } from "./token-buckets.ts";

export interface GuardOptions {
  /** Null where anyone may use everything. */
  readonly keys: Keys | null;
  /** Null for no limit. */
  readonly rate: RateLimit | null;
}

export interface Guard {
  /**
   * Counts one more request of a client that has been let through: a message on its stream.
   *
   * @throws EddiError `rate-limited`; `unauthorized` when its key is good no more
   */
  readonly admit: (request: FastifyRequest) => void;
}

/**
 * Lets requests through, or refuses them before anything of their body is read: 400 without a host, which HTTP/1.1
 * demands and Node would refuse without a word; 429 to a client that sends too many; 401 without a key. A route needs
 * a key unless it says otherwise (`config.access`), and so does what is no route, so that nothing can be told from a
 * refusal.
 */
export function guard(app: FastifyInstance, { keys, rate }: GuardOptions): Guard {
  const buckets = rate === null ? null : new TokenBuckets(rate);
  const admit = (request: FastifyRequest, owner: string | null): void => {
    const client = owner === null ? `address ${clientAddress(request.ip)}` : `key ${owner}`;
    const waitMs = buckets?.take(client, performance.now()) ?? 0;
    if (waitMs === 0) return;
    throw new EddiError("rate-limited", `expected at most ${rate!.perSecond} requests a second, got more`, {
      cause: new Shed("rate-limited", waitMs),
    });
  };
  app.addHook("onRequest", async (request, reply) => {
    if (request.headers.host === undefined && request.raw.httpVersion === "1.1") {
      throw new EddiError("bad-argument", "expected the header host, got none");
    }
    const { access } = request.routeOptions.config;
    if (access === "health") return;
    const owner = ownerOf(keys, request);
    admit(request, owner);
    if (keys !== null && owner === null && access !== "page") {
      reply.header("www-authenticate", 'Bearer realm="eddi"');
      throw keyError();
    }
  });
  return {
    admit: (request) => {
      const owner = ownerOf(keys, request);
      if (keys !== null && owner === null) throw keyError();
      admit(request, owner);
    },
  };
}

function keyError(): EddiError {
  return new EddiError("unauthorized", "expected a key, as authorization: Bearer KEY or x-api-key: KEY");
}

function ownerOf(keys: Keys | null, request: FastifyRequest): string | null {
  const key = keys === null ? null : presentedKey(request.headers);
  return key === null ? null : keys!.ownerOf(key);
}

declare module "fastify" {
  interface FastifyContextConfig {
    /**
     * `health`: no key and no limit, for load balancers and probes of the link. `page`: no key, for what a browser
     * loads before it can send one. Without it a route needs a key.
     */
    access?: "health" | "page";
  }
}
