import type { Server } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import fastify, { type FastifyInstance, LogController } from "fastify";
import type { EngineInfo } from "../engines/index.ts";
import { docsRoute } from "./docs/docs-route.ts";
import { Folder } from "./files/folder.ts";
import { BytesUnderWay } from "./guard/bytes-under-way.ts";
import { BEYOND, Connections } from "./guard/connections.ts";
import { allowOrigins } from "./guard/cors.ts";
import { guard } from "./guard/guard.ts";
import { setHeaders } from "./guard/headers.ts";
import { followKeys, openKeys } from "./guard/keys.ts";
import { knowPaths } from "./guard/known-paths.ts";
import { closeUnsent, ReadAhead } from "./guard/read-ahead.ts";
import { requestId } from "./guard/request-id.ts";
import { answerClientError, answerErrors, answerExpectations, sendError } from "./http/http-errors.ts";
import { type Listener, stopListening } from "./http/stop-listening.ts";
import { Metrics } from "./metrics/metrics.ts";
import { metricsRoute } from "./metrics/metrics-route.ts";
import { ModelStats } from "./metrics/model-stats.ts";
import { loadModels } from "./models/registry.ts";
import { redirectToBase, withoutBase } from "./options/base-path.ts";
import type { CloudConfig } from "./options/config.ts";
import { findSamples } from "./page/samples.ts";
import { staticFiles } from "./page/static-files.ts";
import { ModelWatch, stampsOf } from "./pool/model-watch.ts";
import { WorkerPool } from "./pool/worker-pool.ts";
import { LongFrames } from "./protocol/long-frames.ts";
import { oipRoutes } from "./protocol/oip.ts";
import { repositoryRoutes } from "./protocol/repository-routes.ts";
import { streamRoute } from "./stream/stream-route.ts";
import type { UpgradeTaker } from "./stream/upgrades.ts";

export interface CloudServer {
  readonly app: FastifyInstance;
  /** Resolves when tails can run: before, requests for them are answered 503. */
  readonly ready: Promise<EngineInfo>;
  /** What takes connections: HTTP, and HTTPS once it listens. */
  readonly listeners: Listener[];
  /** Those that are there until everything else has ended. */
  readonly lastListeners: Listener[];
  /** For a server beside `app.server`, whose clients are to have streams too. */
  readonly takeUpgrades: UpgradeTaker;
  /** Bounds the connections of such a server, and what each may ask ahead of its answers. */
  readonly bound: (server: Server) => void;
  /**
   * Ends without losing a request: for `drainMs` it is not ready but still serves, and every answer ends its
   * connection; then it takes no more connections, and requests under way get `graceMs`. A second call waits too.
   */
  close(graceMs?: number, drainMs?: number): Promise<void>;
}

/** A phone on 3G needs its time for a large cut; a client that trickles does not get for ever. */
const RECEIVE_TIMEOUT_MS = 120_000;
const HEADERS_TIMEOUT_MS = 15_000;
/** How often these two are looked after; and the guard, not Node, refuses requests without a host. */
export const HTTP = { connectionsCheckingInterval: 5_000, requireHostHeader: false } as const;
/** A connection on which nothing moves, either way, beyond the time that a request may wait and run. */
const SILENT_MS = 60_000;
/** Above the common 60 s of proxies, so that it is never we who close a connection in use. */
const KEEP_ALIVE_TIMEOUT_MS = 72_000;
const MAX_CONNECTIONS = 1024;
/** Of a virtual name: all tensors of a cut. */
const MAX_PARAM_LENGTH = 2048;
/** Requests under way get this long to end: as long as one may wait, by default. */
export const GRACE_MS = 10_000;
/** What is given up after that is still told so. */
const LAST_ANSWERS_MS = 500;

/**
 * The whole service, not yet listening.
 *
 * @param workerEntry module that the pool's workers run, for tests that need one to misbehave
 */
export async function buildServer(config: CloudConfig, workerEntry?: URL): Promise<CloudServer> {
  const opened = config.keysFile === "" ? null : await openKeys(config.keysFile);
  const app = fastify({
    // The standard output is for the one line that scripts wait for.
    logger: { level: config.logLevel, stream: process.stderr },
    logController: new LogController({ disableRequestLogging: config.logLevel !== "debug" }),
    bodyLimit: config.bodyLimitBytes,
    requestTimeout: RECEIVE_TIMEOUT_MS,
    connectionTimeout: SILENT_MS + 2 * config.requestTimeoutMs,
    http: HTTP,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    forceCloseConnections: "idle",
    // A request that still arrives on a connection of before is served as any other.
    return503OnClosing: false,
    genReqId: requestId,
    trustProxy: (_, hop) => hop < config.trustedProxies,
    rewriteUrl: ({ url = "/" }) => withoutBase(config.basePath, url),
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH, ignoreTrailingSlash: true },
    frameworkErrors: sendError,
    clientErrorHandler: answerClientError,
  });
  app.server.headersTimeout = HEADERS_TIMEOUT_MS;
  answerExpectations(app.server);
  const limits = { most: MAX_CONNECTIONS, mostOfAddress: config.connectionsPerAddress, ...BEYOND };
  const connections = new Connections(limits, () => metrics.connectionClosed("evicted"));
  const readAhead = new ReadAhead({
    onBusy: (socket, isBusy) => connections.setBusy(socket, isBusy),
    onCut: () => metrics.connectionClosed("ahead"),
  });
  const bound = (server: Server): void => {
    server.maxConnections = MAX_CONNECTIONS + BEYOND.mostBeyond;
    connections.take(server);
    readAhead.take(server);
  };
  bound(app.server);

  const models = new Folder(config.modelsDir);
  const { stamps } = await stampsOf(models);
  const registry = await loadModels(models);
  const stats = new ModelStats();
  const pool = new WorkerPool({
    engine: config.engine,
    workers: config.workers,
    isolation: config.isolation,
    maxQueueMs: config.maxQueueMs,
    maxQueueBytes: config.maxQueueBytes,
    maxBatch: config.maxBatch,
    runLimitMs: config.requestTimeoutMs,
    models: registry.models().map((loaded) => loaded.files),
    onTrouble: (message) => app.log.error(message),
    onLost: () => metrics.workerLost(),
    onBatch: (key, images, computeMs) => {
      const ran = registry.models().find(({ files }) => files.key === key);
      if (ran === undefined) return;
      metrics.batched(ran.files.id, images, computeMs);
      stats.executed(ran.model, images, computeMs);
    },
    ...(workerEntry === undefined ? {} : { entry: workerEntry }),
  });
  const watch = new ModelWatch({
    folder: models,
    loaded: stamps,
    everyMs: config.modelsPollMs,
    registry,
    pool,
    log: app.log,
  });
  const bytes = new BytesUnderWay(config.maxBytesUnderWay);
  const frames = new LongFrames({ patienceMs: config.maxQueueMs, limitMs: config.requestTimeoutMs });
  let engine: EngineInfo | null = null;
  const listeners: Listener[] = [app.server];
  const lastListeners: Listener[] = [];
  let draining = false;
  const ready = pool.started.then((started) => {
    for (const { model, reason } of started.refused) registry.refuseVersion(model, reason);
    if (registry.index().length === 0) app.log.warn(`no models in ${config.modelsDir}`);
    for (const { name, state, version, reason } of registry.index()) {
      if (state === "READY") app.log.info(`model ${name}, version ${version}: ready`);
      else app.log.error(`model ${name}: refused: ${reason}`);
    }
    engine = started.engine;
    watch.start();
    return engine;
  });
  ready.catch(() => {});
  let closed: Promise<void> | null = null;

  const pathOf = knowPaths(app, MAX_PARAM_LENGTH);
  app.addHook("onRequest", async (request, reply) => setHeaders(request, reply));
  redirectToBase(app, config.basePath);
  await allowOrigins(app, config.corsOrigins);
  const { admit, senderOf, charge } = guard(app, {
    keys: opened?.keys ?? null,
    rate: config.rate,
    isBeyond: ({ raw }) => connections.isBeyond(raw.socket),
    pathOf,
  });
  // As late as can be: an answer that goes out while draining tells its client to come back elsewhere.
  app.addHook("onSend", async (_, reply, payload) => {
    if (draining) reply.header("connection", "close");
    return payload;
  });
  closeUnsent(app);
  const stopped = (): string | null => {
    if (engine === null) return "the service is starting";
    return pool.liveCount() > 0 ? null : "no worker is alive: those that were lost are being replaced";
  };
  const unready = (): string | null =>
    draining ? "the service is draining: it serves what comes, and ends soon" : stopped();
  const metrics = new Metrics(registry, () => ({
    ...pool.load(),
    live: pool.liveCount(),
    isReady: unready() === null,
    streams: streams.size,
    connections: connections.size,
    bytes: bytes.bytes,
  }));
  if (config.metrics) metricsRoute(app, metrics);
  answerErrors(app, pathOf);
  const service = {
    config,
    registry,
    executor: pool,
    frames,
    bytes,
    engine: () => engine,
    refusal: () => (engine === null ? "the service is starting" : null),
    unready,
    metrics,
    stats,
    workers: () => pool.workerCount(),
    senderOf,
    charge,
  };
  oipRoutes(app, service);
  repositoryRoutes(app, { config, registry, watch, stopped });
  const { streams, takeUpgrades } = await streamRoute(app, { ...service, admit });
  listeners.push(streams);
  await docsRoute(app, config);
  await staticFiles(
    app,
    config,
    registry,
    await findSamples(config.dataDir, (trouble) => app.log.error(trouble)),
  );
  app.addHook("onClose", async () => {
    await Promise.all([pool.close(), frames.close()]);
  });
  if (opened !== null) {
    const stop = followKeys(opened, config.keysFile, app.log);
    app.addHook("onClose", async () => stop());
  }

  return {
    app,
    ready,
    listeners,
    lastListeners,
    takeUpgrades,
    bound,
    close: (graceMs = GRACE_MS, drainMs = 0) => {
      closed ??= end(graceMs, drainMs);
      return closed;
    },
  };

  async function end(graceMs: number, drainMs: number): Promise<void> {
    draining = true;
    watch.stop();
    streams.leave();
    if (drainMs > 0) await sleep(drainMs);
    const ended = stopListening(listeners, graceMs, LAST_ANSWERS_MS);
    await Promise.all([pool.drain(graceMs), ended.graceful]);
    await pool.close();
    await ended.all;
    await stopListening(lastListeners, 0, 0).all;
    await app.close();
  }
}
