import type { Server } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyInstance } from "fastify";
import type { EngineInfo } from "../engines/index.ts";
import { docsRoute } from "./docs/docs-route.ts";
import { Folder } from "./files/folder.ts";
import { boundConnections } from "./guard/bound-connections.ts";
import { BytesUnderWay } from "./guard/bytes-under-way.ts";
import { allowOrigins } from "./guard/cors.ts";
import { guard } from "./guard/guard.ts";
import { setHeaders } from "./guard/headers.ts";
import { followKeys, openKeys } from "./guard/keys.ts";
import { knowPaths } from "./guard/known-paths.ts";
import { closeUnsent } from "./guard/read-ahead.ts";
import { answerErrors } from "./http/http-errors.ts";
import { MAX_PARAM_LENGTH, openApp } from "./http/open-app.ts";
import { type Listener, stopListening } from "./http/stop-listening.ts";
import { Metrics } from "./metrics/metrics.ts";
import { metricsRoute } from "./metrics/metrics-route.ts";
import { ModelStats } from "./metrics/model-stats.ts";
import { loadModels } from "./models/registry.ts";
import { openTails, type Tails } from "./open-tails.ts";
import { redirectToBase } from "./options/base-path.ts";
import type { CloudConfig } from "./options/config.ts";
import { findSamples } from "./page/samples.ts";
import { staticFiles } from "./page/static-files.ts";
import { stampsOf } from "./pool/model-watch.ts";
import { LongFrames } from "./protocol/long-frames.ts";
import { oipRoutes } from "./protocol/oip.ts";
import { repositoryRoutes } from "./protocol/repository-routes.ts";
import { Readiness } from "./readiness.ts";
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
  const app = openApp(config);
  const { log } = app;
  const models = new Folder(config.modelsDir);
  const { stamps } = await stampsOf(models);
  const registry = await loadModels(models);
  const metrics = new Metrics(registry);
  const stats = new ModelStats();
  const { connections, bound } = boundConnections(config.connectionsPerAddress, (cause) =>
    metrics.connectionClosed(cause),
  );
  bound(app.server);
  const tails = openTails({ config, models, stamps, registry, metrics, stats, log, workerEntry });
  const { pool, watch } = tails;
  const readiness = new Readiness(tails);
  const bytes = new BytesUnderWay(config.maxBytesUnderWay);
  const frames = new LongFrames({ patienceMs: config.maxQueueMs, limitMs: config.requestTimeoutMs });

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
    if (readiness.isDraining) reply.header("connection", "close");
    return payload;
  });
  closeUnsent(app);
  if (config.metrics) metricsRoute(app, metrics);
  answerErrors(app, pathOf);
  const service = {
    config,
    registry,
    executor: pool,
    frames,
    bytes,
    engine: tails.engine,
    refusal: () => readiness.refusal(),
    unready: () => readiness.unready(),
    metrics,
    stats,
    workers: () => pool.workerCount(),
    senderOf,
    charge,
  };
  oipRoutes(app, service);
  repositoryRoutes(app, { config, registry, watch, stopped: () => readiness.stopped() });
  const { streams, takeUpgrades } = await streamRoute(app, { ...service, admit });
  metrics.follow(() => ({
    ...pool.load(),
    live: pool.liveCount(),
    isReady: readiness.unready() === null,
    streams: streams.size,
    connections: connections.size,
    bytes: bytes.bytes,
  }));
  await docsRoute(app, config);
  await staticFiles(
    app,
    config,
    registry,
    await findSamples(config.dataDir, (trouble) => log.error(trouble)),
  );
  app.addHook("onClose", async () => {
    await Promise.all([pool.close(), frames.close()]);
  });
  if (opened !== null) {
    const stop = followKeys(opened, config.keysFile, log);
    app.addHook("onClose", async () => stop());
  }
  const listeners: Listener[] = [app.server, streams];
  const lastListeners: Listener[] = [];
  const close = ending({ app, pool, watch, streams, readiness, listeners, lastListeners });
  return { app, ready: tails.ready, listeners, lastListeners, takeUpgrades, bound, close };
}

interface Ending
  extends Pick<CloudServer, "app" | "listeners" | "lastListeners">,
    Pick<Tails, "pool" | "watch"> {
  readonly streams: { leave(): void };
  readonly readiness: Readiness;
}

/** Ends the service once, however often it is called. */
function ending(of: Ending): CloudServer["close"] {
  let ended: Promise<void> | null = null;
  return (graceMs = GRACE_MS, drainMs = 0) => {
    ended ??= end(of, graceMs, drainMs);
    return ended;
  };
}

async function end(of: Ending, graceMs: number, drainMs: number): Promise<void> {
  const { app, pool, watch, streams, readiness, listeners, lastListeners } = of;
  readiness.isDraining = true;
  watch.stop();
  streams.leave();
  if (drainMs > 0) await sleep(drainMs);
  const stopped = stopListening(listeners, graceMs, LAST_ANSWERS_MS);
  await Promise.all([pool.drain(graceMs), stopped.graceful]);
  await pool.close();
  await stopped.all;
  await stopListening(lastListeners, 0, 0).all;
  await app.close();
}
