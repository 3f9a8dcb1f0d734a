import { EddiError, toEddiError } from "#shared/errors";
import {
  allEdge,
  type Model,
  outputKind,
  type Segment,
  type Shard,
  shardsFor,
  splitPlan,
} from "#shared/model";
import type { SegmentRunner, TensorValues } from "#shared/runtime";
import type { Traffic } from "../../service/traffic.ts";
import type { EdgeRuntime, RuntimeWish } from "../../talk/edge.ts";
import { adapterName } from "./adapter.ts";
import { faultOf } from "./check-results.ts";
import {
  type ChoiceCache,
  chooseRuntime,
  forgetRuntime,
  isTimeFor,
  type LiteRtName,
  type Measured,
  type RuntimeSubject,
} from "./choose-runtime.ts";
import type { Engine } from "./engine.ts";
import type { LiteRtModel } from "./litert/litert-model.ts";

export interface RuntimeKeeperOptions {
  readonly model: Model;
  readonly wish: RuntimeWish;
  /** Whether the user wants few bytes. */
  readonly savesData: boolean;
  readonly cache: ChoiceCache;
  readonly traffic: Traffic;
  /** The engine, once one is chosen; null when none works. */
  readonly engine: () => Promise<Engine | null>;
  /** Settles when the first exit can be run, and no weights are being fetched. */
  readonly ready: () => Promise<void>;
  /** Settles when no image is under way. */
  readonly idle: () => Promise<void>;
  /** @throws EddiError when they cannot be had without the network */
  readonly bytesOf: (shard: Shard) => Promise<Uint8Array>;
  readonly onRuntime: (runtime: EdgeRuntime) => void;
  readonly onProblem: (error: EddiError) => void;
}

type Runtime = Awaited<ReturnType<typeof import("./litert/index.ts")["openRuntime"]>>;

/** Runs of which the fastest counts, TF.js' and LiteRT's by turns. */
const TIMED_RUNS = 8;

/**
 * What runs heads: TF.js at first, LiteRT once it was fetched and found to be right and faster. When it fails once it is
 * over for this visit.
 */
export class RuntimeKeeper {
  private readonly options: RuntimeKeeperOptions;
  private loaded: Promise<Runtime> | null = null;
  private answers = 0;
  private isOver = false;
  private running: Promise<void> | null = null;
  /** The engine that a choice was made for. */
  private chosenFor: Engine | null = null;
  private runtime: EdgeRuntime = "tfjs";

  constructor(options: RuntimeKeeperOptions) {
    this.options = options;
  }

  /** What runs heads now. */
  get current(): EdgeRuntime {
    return this.runtime;
  }

  /** An image was answered. */
  answered(): void {
    this.answers += 1;
    this.consider();
  }

  /** There is another engine, or none. */
  restart(): void {
    this.runtime = "tfjs";
    this.chosenFor = null;
    this.consider();
  }

  /** Resolves when nothing is being chosen. */
  async settled(): Promise<void> {
    while (this.running !== null) await this.running;
  }

  private consider(): void {
    const { wish, savesData, onProblem } = this.options;
    if (this.isOver || !isTimeFor(wish, this.answers, savesData)) return;
    this.running ??= this.choose()
      .catch((thrown: unknown) => onProblem(toEddiError(thrown)))
      .finally(() => {
        this.running = null;
      });
  }

  private async choose(): Promise<void> {
    const { model, wish, cache, engine: chosen, ready, onRuntime } = this.options;
    for (let engine = await chosen(); engine !== null; engine = await chosen()) {
      if (engine === this.chosenFor || this.isOver) return;
      const { backend } = engine;
      await ready();
      const { id } = model.metadata;
      const subject = { adapter: await adapterName(backend), backend, model: id, version: model.version };
      const models = new Map<LiteRtName, LiteRtModel>();
      const measuredOn = engine;
      const runtime = await chooseRuntime(subject, {
        wish,
        cache,
        load: async () => {
          await this.load();
        },
        measure: async (name) => this.measure(measuredOn, subject, name, models),
        onFailed: (message) => this.tell(message),
      });
      for (const [name, one] of models) if (name !== runtime) one.dispose();
      const found = runtime === "tfjs" ? null : models.get(runtime)!;
      if (engine !== (await chosen())) {
        found?.dispose();
        continue;
      }
      this.chosenFor = engine;
      if (found === null || this.isOver) return;
      this.runtime = runtime;
      engine.runBy(found);
      onRuntime(runtime);
      return;
    }
  }

  /** What was fetched once is there for engines that come later. */
  private load(): Promise<Runtime> {
    this.loaded ??= (async () => {
      const { openRuntime } = await import("./litert/index.ts");
      return openRuntime(this.options.traffic);
    })();
    return this.loaded;
  }

  /** @throws EddiError `unavailable` when LiteRT does not compute as TF.js does, or not at all */
  private async measure(
    engine: Engine,
    subject: RuntimeSubject,
    name: LiteRtName,
    models: Map<LiteRtName, LiteRtModel>,
  ): Promise<Measured> {
    const { model, idle } = this.options;
    const { head } = splitPlan(model, allEdge(model, model.metadata.exits[0]!.id));
    let why = "it cannot run the first exit";
    await idle();
    const litert = await engine.measure(async (tfjs) =>
      this.open(engine, tfjs, name, (message) => {
        why = message;
        if (this.runtime === name) void this.break(engine, subject, message);
      }),
    );
    models.set(name, litert);
    await idle();
    await engine.measure(() => litert.prepare(head));
    if (!litert.has(head)) throw new EddiError("unavailable", why);
    await idle();
    return engine.measure((tfjs) => timeBoth(tfjs, litert, head));
  }

  private async open(
    engine: Engine,
    tfjs: SegmentRunner,
    name: LiteRtName,
    onBroken: (message: string) => void,
  ): Promise<LiteRtModel> {
    const { model, idle } = this.options;
    const runtime = await this.load();
    const { LiteRtModel, exportSegment, openSession } = await import("./litert/index.ts");
    const kinds = new Map(model.metadata.exits.map((exit) => [exit.node, outputKind(exit)]));
    return new LiteRtModel(tfjs, {
      write: async (segment) => {
        const bytes = new Map<string, Uint8Array>();
        for (const shard of shardsFor(model, segment.nodes)) {
          bytes.set(shard.path, await this.options.bytesOf(shard));
        }
        return exportSegment(model, segment, (path) => bytes.get(path));
      },
      open: (file) => openSession(runtime, file, name === "litert-wasm" ? "wasm" : "webgpu"),
      faultOf: (output, values) => faultOf(values, kinds.get(output) ?? null),
      later: (job) => {
        idle()
          .then(() => engine.measure(job))
          .catch((thrown: unknown) => console.warn(`LiteRT: ${toEddiError(thrown).message}`));
      },
      onBroken,
    });
  }

  private async break(engine: Engine, subject: RuntimeSubject, message: string): Promise<void> {
    this.isOver = true;
    this.runtime = "tfjs";
    engine.runBy(null);
    this.tell(message);
    this.options.onRuntime("tfjs");
    await forgetRuntime(subject, this.options.cache);
  }

  /** Whoever asked for LiteRT is told; nobody else misses it. */
  private tell(message: string): void {
    const text = `LiteRT: ${message}; TF.js runs everything`;
    if (this.options.wish === "litert") this.options.onProblem(new EddiError("unavailable", text));
    else console.warn(text);
  }
}

/** Of one image each, by turns: what else this machine is busy with slows both down. */
async function timeBoth(tfjs: SegmentRunner, litert: SegmentRunner, segment: Segment): Promise<Measured> {
  const { tensors } = tfjs.model.metadata;
  const feeds = segment.feeds.map((name): TensorValues => {
    const shape = [1, ...tensors[name]!.shape];
    return { shape, values: new Float32Array(shape.reduce((a, b) => a * b)).fill(0.5) };
  });
  let [tfjsMs, litertMs] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let run = 0; run < TIMED_RUNS; run++) {
    tfjsMs = Math.min(tfjsMs, await msOf(() => tfjs.runValues(segment, feeds)));
    litertMs = Math.min(litertMs, await msOf(() => litert.runValues(segment, feeds)));
  }
  return { tfjsMs, litertMs };
}

async function msOf(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}
