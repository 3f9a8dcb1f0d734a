import type { FastifyBaseLogger } from "fastify";
import type { EngineInfo } from "../engines/index.ts";
import type { Folder } from "./files/folder.ts";
import type { Metrics } from "./metrics/metrics.ts";
import type { ModelStats } from "./metrics/model-stats.ts";
import type { Registry } from "./models/registry.ts";
import type { CloudConfig } from "./options/config.ts";
import { ModelWatch } from "./pool/model-watch.ts";
import { WorkerPool } from "./pool/worker-pool.ts";

export interface TailsOptions {
  readonly config: CloudConfig;
  readonly models: Folder;
  /** How the models' files stood when the registry was read. */
  readonly stamps: ReadonlyMap<string, string>;
  readonly registry: Registry;
  readonly metrics: Metrics;
  readonly stats: ModelStats;
  readonly log: FastifyBaseLogger;
  /** Module that workers run; their own where it is undefined. */
  readonly workerEntry: URL | undefined;
}

/** What runs tails, and follows what becomes of the models' folder. */
export interface Tails {
  readonly pool: WorkerPool;
  readonly watch: ModelWatch;
  /** Resolves when tails can run. */
  readonly ready: Promise<EngineInfo>;
  /** Null until then. */
  readonly engine: () => EngineInfo | null;
}

/** Starts the workers. */
export function openTails(options: TailsOptions): Tails {
  const { config, models, stamps, registry, metrics, stats, log, workerEntry } = options;
  const pool = new WorkerPool({
    engine: config.engine,
    precision: config.precision,
    workers: config.workers,
    isolation: config.isolation,
    maxQueueMs: config.maxQueueMs,
    maxQueueBytes: config.maxQueueBytes,
    maxBatch: config.maxBatch,
    runLimitMs: config.requestTimeoutMs,
    models: registry.models().map((loaded) => loaded.files),
    onTrouble: (message) => log.error(message),
    onLost: () => metrics.workerLost(),
    onBatch: (key, images, computeMs) => {
      const ran = registry.models().find(({ files }) => files.key === key);
      if (ran === undefined) return;
      metrics.batched(ran.files.id, images, computeMs);
      stats.executed(ran.model, images, computeMs);
    },
    ...(workerEntry === undefined ? {} : { entry: workerEntry }),
  });
  const everyMs = config.modelsPollMs;
  const watch = new ModelWatch({ folder: models, loaded: stamps, everyMs, registry, pool, log });
  let engine: EngineInfo | null = null;
  const ready = pool.started.then((started) => {
    for (const { model, reason } of started.refused) registry.refuseVersion(model, reason);
    tellModels(registry, config.modelsDir, log);
    engine = started.engine;
    watch.start();
    return engine;
  });
  ready.catch(() => {}); // Whoever awaits it hears of it.
  return { pool, watch, ready, engine: () => engine };
}

function tellModels(registry: Registry, folder: string, log: FastifyBaseLogger): void {
  if (registry.index().length === 0) log.warn(`no models in ${folder}`);
  for (const { name, state, version, reason } of registry.index()) {
    if (state === "READY") log.info(`model ${name}, version ${version}: ready`);
    else log.error(`model ${name}: refused: ${reason}`);
  }
}
