import type { FastifyInstance, FastifyRequest } from "fastify";
import { EddiError } from "#shared/errors";
import { Shed } from "../tails/executor.ts";
import { knowSenders, type Sender } from "./asker.ts";
import { hostProblem } from "./host-header.ts";
import type { Keys } from "./keys.ts";
import type { KnownPath } from "./known-paths.ts";
import { type RateLimit, TokenBuckets } from "./token-buckets.ts";

export interface GuardOptions {
  /** Null where anyone may use everything. */
  readonly keys: Keys | null;
  /** Null for no limit. */
  readonly rate: RateLimit | null;
  /** Whether a request's connection is one too many, on which only health is answered. */
  readonly isBeyond: (request: FastifyRequest) => boolean;
  readonly pathOf: (url: string) => KnownPath | null;
}

export interface Guard {
  /**
   * Counts one more request of a client that has been let through: a message on its stream.
   *
   * @throws EddiError `rate-limited`; `unauthorized` when its key is good no more
   */
  readonly admit: (request: FastifyRequest) => void;
  /** Who sends a request. */
  readonly senderOf: (request: FastifyRequest) => Sender;
  /**
   * Counts the work of a tail that is about to run, beyond what its request has counted for: a client that owes waits
   * with its next request.
   *
   * @returns what takes that back, where it does not run after all
   */
  readonly charge: (client: string, workMs: number) => () => void;
}

/** What a request counts for, whatever it asks, as it takes a token; a tail counts for what it is expected to take. */
const REQUEST_MS = 1;
/** By then connections have come and gone. */
const CONNECTIONS_RETRY_MS = 1_000;

/**
 * Lets requests through, or refuses them before anything of their body is read: 400 without a host or with several,
 * which Node would refuse without a word or take; 503 on a connection that is one too many; 429 to a client that sends too many; 401 without a key. A route needs
 * a key unless it says otherwise (`config.access`), and so does what is no route, so that nothing can be told from a
 * refusal.
 */
export function guard(app: FastifyInstance, { keys, rate, isBeyond, pathOf }: GuardOptions): Guard {
  const buckets = rate === null ? null : new TokenBuckets(rate);
  const senderOf = knowSenders(keys);
  const admit = ({ client }: Sender): void => {
    const waitMs = buckets?.take(client, performance.now()) ?? 0;
    if (waitMs === 0) return;
    const what = buckets?.lacksForWork(client) ? "ms of work" : "requests";
    throw new EddiError("rate-limited", `expected at most ${rate!.perSecond} ${what} a second, got more`, {
      cause: new Shed("rate-limited", waitMs),
    });
  };
  const charge = (client: string, workMs: number): (() => void) => {
    const moreMs = Math.max(0, workMs - REQUEST_MS);
    buckets?.owe(client, moreMs);
    return () => buckets?.owe(client, -moreMs);
  };
  app.decorateRequest("client", "");
  app.addHook("onRequest", async (request, reply) => {
    const problem = hostProblem(request.raw);
    if (problem !== null) throw new EddiError("bad-argument", problem);
    // With a wrong method it is the same path.
    const { access } = request.is404 ? (pathOf(request.url) ?? {}) : request.routeOptions.config;
    if (access === "health") return;
    if (isBeyond(request)) throw connectionsError();
    const sender = senderOf(request);
    request.client = sender.client;
    admit(sender);
    if (keys !== null && sender.owner === null && access !== "page") {
      reply.header("www-authenticate", 'Bearer realm="eddi"');
      throw keyError();
    }
  });
  return {
    admit: (request) => {
      const sender = senderOf(request);
      if (keys !== null && sender.owner === null) throw keyError();
      admit(sender);
    },
    senderOf,
    charge,
  };
}

function connectionsError(): EddiError {
  const message =
    "expected fewer connections of one address, or of all, got too many: only health is answered";
  return new EddiError("unavailable", message, { cause: new Shed("connections", CONNECTIONS_RETRY_MS) });
}

function keyError(): EddiError {
  return new EddiError("unauthorized", "expected a key, as authorization: Bearer KEY or x-api-key: KEY");
}

declare module "fastify" {
  interface FastifyRequest {
    /** Who counts: the owner of its key, else its address. Empty where nobody does: health. */
    client: string;
  }
  interface FastifyContextConfig {
    /**
     * `health`: no key and no limit, for load balancers and probes of the link. `page`: no key, for what a browser
     * loads before it can send one. Without it a route needs a key.
     */
    access?: "health" | "page";
  }
}
