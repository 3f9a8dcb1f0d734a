import type { FastifyInstance, FastifyRequest } from "fastify";
import { parse } from "secure-json-parse";
import { EddiError } from "#shared/errors";
import type { ModelState, Registry } from "../models/registry.ts";
import type { CloudConfig } from "../options/config.ts";
import type { ModelWatch } from "../pool/model-watch.ts";
import { checkMediaType } from "./media-type.ts";

export interface Repository {
  readonly config: Pick<CloudConfig, "modelControl">;
  readonly registry: Registry;
  readonly watch: Pick<ModelWatch, "load" | "unload" | "found">;
  /** Why no tail can run now, or null. */
  readonly stopped: () => string | null;
}

/** Of these requests: names and flags, no models. */
const BODY_LIMIT = 64 << 10;
const OPTIONS = { bodyLimit: BODY_LIMIT } as const;

/**
 * Triton's model repository extension: the index always, load and unload where `--model-control` is on. They take models
 * from the service's folder; what Triton lets a load bring along, another configuration or files, is refused.
 */
export function repositoryRoutes(app: FastifyInstance, repository: Repository): void {
  const { config, watch } = repository;
  app.post("/v2/repository/index", OPTIONS, async (request) => {
    const { ready } = bodyOf(request);
    if (typeof ready !== "boolean" && ready !== undefined && ready !== null) {
      throw new EddiError("bad-argument", `ready: expected true or false, got ${JSON.stringify(ready)}`);
    }
    const lines = await indexOf(repository);
    return ready === true ? lines.filter(({ state }) => state === "READY") : lines;
  });
  if (!config.modelControl) return;
  const path = "/v2/repository/models/:model";
  app.post<ModelRoute>(`${path}/load`, OPTIONS, async (request, reply) => {
    checkParameters(request, {});
    await watch.load(request.params.model);
    return reply.type("application/json").send("{}");
  });
  app.post<ModelRoute>(`${path}/unload`, OPTIONS, async (request, reply) => {
    // No model of ours depends on another.
    checkParameters(request, { unload_dependents: "boolean" });
    await watch.unload(request.params.model);
    return reply.type("application/json").send("{}");
  });
}

/** One line of the index. */
interface Line extends Omit<ModelState, "state"> {
  readonly state: ModelState["state"] | "LOADING";
}

interface ModelRoute {
  Params: { readonly model: string };
}

async function indexOf({ config, registry, watch, stopped }: Repository): Promise<readonly Line[]> {
  const known = registry.index().map((line): Line => {
    const loading = line.state === "READY" && stopped() !== null;
    return loading ? { ...line, state: "LOADING" } : line;
  });
  const others = config.modelControl ? await watch.found() : [];
  const named = new Set(known.map(({ name }) => name));
  const line = (name: string): ModelState => ({
    name,
    version: "",
    state: "UNAVAILABLE",
    reason: "not loaded",
  });
  return [...known, ...others.filter((name) => !named.has(name)).map(line)];
}

/** @param taken the parameters that are, and of which type */
function checkParameters(request: FastifyRequest, taken: Readonly<Record<string, string>>): void {
  const { parameters } = bodyOf(request);
  for (const [name, value] of Object.entries(objectOf(parameters ?? {}, "parameters"))) {
    if (value === null || (Object.hasOwn(taken, name) && typeof value === taken[name])) continue;
    const expected = Object.entries(taken).map(([one, type]) => `${one}, a ${type}`);
    const message = `parameter ${name.slice(0, 100)}: expected ${expected.join(", ") || "none"}, got ${typeof value}`;
    throw new EddiError("bad-argument", message);
  }
}

/** The body's object; an empty body is an empty one. */
function bodyOf({ body, headers }: FastifyRequest): Record<string, unknown> {
  if (!(body instanceof Uint8Array) || body.byteLength === 0) return {};
  checkMediaType(headers["content-type"], body, null);
  try {
    return objectOf(parse(new TextDecoder("utf-8", { fatal: true }).decode(body)), "body");
  } catch (cause) {
    if (cause instanceof EddiError) throw cause;
    throw new EddiError("bad-frame", `body: expected JSON, got: ${(cause as Error).message}`, { cause });
  }
}

function objectOf(value: unknown, name: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new EddiError("bad-frame", `${name}: expected an object, got ${JSON.stringify(value).slice(0, 80)}`);
}
