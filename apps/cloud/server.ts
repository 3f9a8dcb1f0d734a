import fastify, { type FastifyInstance, LogController } from "fastify";
import type { CloudConfig } from "./config.ts";
import { answerClientError, answerErrors, sendError } from "./http-errors.ts";
import { GRACE_MS } from "./listen.ts";
import { oipRoutes } from "./oip.ts";
import { loadModels } from "./registry.ts";
import { findSamples } from "./samples.ts";
import { staticFiles } from "./static-files.ts";
import type { Engine } from "./tail-messages.ts";
import { WorkerPool } from "./worker-pool.ts";

export interface CloudServer {
  readonly app: FastifyInstance;
  /** Resolves when tails can run: before, requests for them are answered 503. */
  readonly ready: Promise<Engine>;
  /** Refuses new requests, lets those under way end for a while, then stops everything. */
  close(graceMs?: number): Promise<void>;
}

/** A phone on 3G needs its time for a large cut; a client that trickles does not get for ever. */
const RECEIVE_TIMEOUT_MS = 120_000;
const HEADERS_TIMEOUT_MS = 15_000;
/** Above the common 60 s of proxies, so that it is never we who close a connection in use. */
const KEEP_ALIVE_TIMEOUT_MS = 72_000;
const MAX_CONNECTIONS = 1024;
const MAX_PARAM_LENGTH = 128;

/**
 * The whole service, not yet listening.
 *
 * @param workerEntry module that the pool's workers run, for tests that need one to misbehave
 */
export async function buildServer(config: CloudConfig, workerEntry?: URL): Promise<CloudServer> {
  const app = fastify({
    // The standard output is for the one line that scripts wait for.
    logger: { level: config.logLevel, stream: process.stderr },
    logController: new LogController({ disableRequestLogging: config.logLevel !== "debug" }),
    bodyLimit: config.bodyLimitBytes,
    requestTimeout: RECEIVE_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    forceCloseConnections: "idle",
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    frameworkErrors: sendError,
    clientErrorHandler: answerClientError,
  });
  app.server.headersTimeout = HEADERS_TIMEOUT_MS;
  app.server.maxConnections = MAX_CONNECTIONS;

  const registry = await loadModels(config.modelsDir);
  const pool = new WorkerPool({
    engine: config.engine,
    workers: config.workers,
    maxQueued: config.maxQueued,
    runLimitMs: config.requestTimeoutMs,
    models: registry.models().map((loaded) => loaded.files),
    onTrouble: (message) => app.log.error(message),
    ...(workerEntry === undefined ? {} : { entry: workerEntry }),
  });
  let engine: Engine | null = null;
  let closing = false;
  const ready = pool.started.then((started) => {
    for (const { id, reason } of started.refused) registry.refuse(id, reason);
    if (registry.index().length === 0) app.log.warn(`no models in ${config.modelsDir}`);
    for (const { name, state, version, reason } of registry.index()) {
      if (state === "READY") app.log.info(`model ${name}, version ${version}: ready`);
      else app.log.error(`model ${name}: refused: ${reason}`);
    }
    engine = started.engine;
    return engine;
  });
  ready.catch(() => {});

  app.addHook("onRequest", async (_, reply) => {
    reply.header("x-content-type-options", "nosniff").header("cross-origin-resource-policy", "same-origin");
    if (closing) reply.header("connection", "close");
  });
  answerErrors(app);
  oipRoutes(app, {
    config,
    registry,
    executor: pool,
    engine: () => engine,
    refusal: () => (closing ? "the service is closing" : engine === null ? "the service is starting" : null),
  });
  await staticFiles(app, config, registry, await findSamples(config.dataDir));
  app.addHook("onClose", () => pool.close());

  return {
    app,
    ready,
    close: async (graceMs = GRACE_MS) => {
      closing = true;
      await pool.drain(graceMs);
      await pool.close();
      setTimeout(() => app.server.closeAllConnections(), graceMs).unref();
      await app.close();
    },
  };
}
