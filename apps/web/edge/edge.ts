import type { ImageCodecName, LinearCoder } from "#shared/codecs";
import { EddiError, toEddiError } from "#shared/errors";
import { codersIn, type Model, readModel, type SimulatedConditions } from "#shared/model";
import { supportedImageCodecs } from "../image/encode-image.ts";
import { modelFileUrl } from "../service/fetch-file.ts";
import { KeptModel } from "../service/kept-models.ts";
import { Service } from "../service/service.ts";
import { SimulatedLink } from "../service/simulated-link.ts";
import type { Traffic } from "../service/traffic.ts";
import type {
  Answer,
  AnswerOptions,
  EdgeEvent,
  EdgeSettings,
  EngineReport,
  ImageSource,
  ModelSummary,
  Provisional,
  Timing,
} from "../talk/edge.ts";
import { answerImage } from "./answer/answer-image.ts";
import { DriftWatch } from "./answer/drift-watch.ts";
import type { Kit } from "./answer/job.ts";
import { openCloud } from "./cloud/open-cloud.ts";
import { simulatedWays } from "./cloud/simulated-ways.ts";
import { adapterName } from "./engine/adapter.ts";
import type { Chosen } from "./engine/choose-backend.ts";
import type { Engine } from "./engine/engine.ts";
import { EngineKeeper } from "./engine/engine-keeper.ts";
import { loadEngines } from "./engine/load-engines.ts";
import { RuntimeKeeper } from "./engine/runtime-keeper.ts";
import { fetchDescription } from "./fetch-description.ts";
import { PlannerEnd } from "./planner-end.ts";
import { DeviceProfiler, type ProfiledDevice } from "./profiling/device-profiler.ts";
import { browserCache } from "./profiling/profile-cache.ts";
import { engineStopwatch } from "./profiling/stopwatch.ts";
import { timePart } from "./profiling/time-part.ts";
import { Downloads } from "./weights/downloads.ts";
import { Insurance } from "./weights/insurance.ts";
import { Readiness } from "./weights/readiness.ts";
import { ShardLoader } from "./weights/shard-loader.ts";

/** The edge: answers images with a head of the model, asks the cloud for the rest. Lives in its worker. */
export class Edge {
  private readonly emit: (event: EdgeEvent) => void;
  private readonly traffic: Traffic;
  private readonly link: PlannerEnd;
  private readonly toCloud = new SimulatedLink();
  private readonly engines: EngineKeeper;
  private readonly runtimes: RuntimeKeeper;
  /** Settles when the engine could be replaced without a network. */
  private readonly reserved: Promise<void>;
  private readonly kit: Kit;
  private readonly profiler: DeviceProfiler;
  /** Those that this browser can write. */
  private readonly imageCodecs: readonly ImageCodecName[];
  /** Images taken up, and those under way. */
  private images = 0;
  private underWay = 0;
  private onIdle: (() => void)[] = [];
  private endHold: (() => void) | null = null;

  /**
   * Fetches the model's description; weights and backend follow in the background.
   *
   * @throws EddiError `not-found`, `unauthorized`, `unavailable`, `bad-model` or `bad-metadata`
   */
  static async open(
    settings: EdgeSettings,
    optimizer: MessagePort | null,
    emit: (event: EdgeEvent) => void,
  ): Promise<Edge> {
    const service = new Service(settings.service);
    const kept = new KeptModel(service, settings.model);
    const { traffic } = service;
    const [json, imageCodecs] = await Promise.all([
      fetchDescription(service, settings.model, kept),
      supportedImageCodecs(),
    ]);
    const model = readModel(json);
    void kept.keepDescription(json);
    // Not before: compiled meanwhile, they would keep the description waiting, and with it the first plan.
    const choosing = loadEngines().then(({ chooseBackend }) => chooseBackend({ ...settings, traffic }));
    choosing.catch(() => {}); // Whoever waits for it below hears of it.
    return new Edge(settings, service, model, json, kept, imageCodecs, optimizer, emit, choosing);
  }

  private constructor(
    settings: EdgeSettings,
    service: Service,
    model: Model,
    json: Uint8Array,
    kept: KeptModel,
    imageCodecs: readonly ImageCodecName[],
    optimizer: MessagePort | null,
    emit: (event: EdgeEvent) => void,
    choosing: Promise<Chosen>,
  ) {
    const { traffic } = service;
    this.emit = emit;
    this.traffic = traffic;
    this.link = new PlannerEnd(
      ({ wanted }) => readiness.want(wanted),
      (isHeld) => this.holdFor(isHeld),
    );
    traffic.listener = {
      onWire: (isOn) => this.link.downloading(isOn),
      onArrival: () => this.link.arrived(),
    };
    this.imageCodecs = imageCodecs;
    this.link.model({ kind: "model", json, codec: settings.codec, imageCodecs, planner: settings.planner });
    const isOther = (): void => {
      loader.forget();
      this.profiler.restart();
      readiness.restart();
    };
    let reported: EngineReport | null = null;
    const report = (engine: EngineReport): void => {
      reported = engine;
      emit({ kind: "engine", engine });
    };
    const engines = new EngineKeeper(
      model,
      {
        settings,
        traffic,
        onEngine: (engine) => {
          isOther();
          report(engine);
          this.runtimes.restart();
          const { backend, selfTestMs } = engine;
          this.link.engine({ kind: "engine", backend, selfTestMs });
        },
        onLost: (backend, message) => {
          isOther();
          emit({ kind: "lost", backend, message });
        },
        onProblem: (error) => this.problem(error),
        idle: () => this.idle(),
        isSpare: () => this.underWay === 0 && this.link.cloudUp,
      },
      choosing,
    );
    this.engines = engines;
    const downloads = new Downloads(service);
    const insurance = new Insurance(model);
    const coders = new Map<string, readonly LinearCoder[]>();
    const loader = new ShardLoader({
      shards: model.shards,
      fetch: async (shard, fresh, onArrived) => {
        const url = `${modelFileUrl(model.metadata.id, shard.path)}?v=${shard.sha256.slice(0, 16)}`;
        if (fresh) await kept.forgetShard(shard.sha256);
        const here = insurance.bytesOf(shard) ?? (await kept.shard(shard.sha256));
        return here ?? downloads.fetch(url, shard.bytes, fresh, onArrived);
      },
      accept: (shard, bytes) => {
        const { current } = this.engines;
        if (current === null) throw new EddiError("unavailable", "the engine was lost");
        current.addShard(shard, bytes);
        const fitted = codersIn(model, shard, bytes);
        if (fitted !== null) coders.set(fitted.name, fitted.coders);
        insurance.keep(shard, bytes);
        void kept.keepShard(shard.sha256, bytes);
      },
      onChange: (shards) => emit({ kind: "shards", shards }),
    });
    const readiness = new Readiness({
      model,
      engine: () => this.warmer(),
      load: (shards, signal) => loader.load(shards, signal),
      onReady: (nodes) => {
        this.link.ready(nodes);
        this.profiler.nodesReady(nodes);
      },
      onProblem: (error) => this.problem(error),
    });
    this.profiler = new DeviceProfiler({
      model,
      mode: settings.profile,
      slowdown: settings.slowdown,
      cache: browserCache,
      device: () => this.profiledDevice(),
      idle: () => this.idle(),
      images: () => this.images,
      now: () => performance.now(),
      onProfile: (profile) => this.link.profiled(profile),
      onChange: (profiling) => emit({ kind: "profiling", profiling }),
    });
    this.reserved = readiness
      .settled()
      .then(() => engines.keepReserve())
      .catch(reserveFailed);
    this.runtimes = new RuntimeKeeper({
      model,
      // A backend that is asked for is meant: nothing else takes its place by itself.
      wish: settings.backend !== null && settings.engine === "auto" ? "tfjs" : settings.engine,
      savesData: settings.savesData,
      cache: browserCache,
      traffic,
      engine: () => engines.chosen(),
      ready: () => readiness.settled(),
      idle: () => this.idle(),
      bytesOf: async (shard) => {
        const here = insurance.bytesOf(shard) ?? (await kept.shard(shard.sha256));
        if (here === null) throw new EddiError("bad-weights", `${shard.path}: expected to be kept, is not`);
        return here;
      },
      onRuntime: (runtime) => {
        // What was measured of the other one says nothing of this.
        this.profiler.restart();
        this.profiler.nodesReady(readiness.nodes);
        if (reported !== null) report({ ...reported, runtime });
      },
      onProblem: (error) => this.problem(error),
    });
    const cloud = openCloud(settings, service, model, () => this.link.catalogue);
    this.kit = {
      model,
      codec: settings.codec,
      coders,
      mayFit: () => this.link.mayFit,
      cloud: simulatedWays(cloud, this.toCloud),
      encodeCut: cloud.encode,
      simulated: () => this.toCloud.simulated,
      traffic,
      engine: () => engines.current,
      onEngineError: ({ message }, engine) => engines.lose(engine, message),
      readiness,
      drift: new DriftWatch(model, (drift) => emit({ kind: "drift", drift })),
      planFor: (wish) => this.link.planFor(wish),
      onMeasured: (measured) => this.link.measured(measured),
    };
    this.link.connect(optimizer, new EddiError("cancelled", "a new optimizer"));
    emit({ kind: "shards", shards: loader.states });
  }

  get summary(): ModelSummary {
    const { metadata, version, dag, shards } = this.kit.model;
    return {
      id: metadata.id,
      version,
      labels: metadata.labels,
      input: metadata.input,
      exits: metadata.exits,
      nodes: dag.names.map((name, node) => ({ name, predecessors: dag.predecessors[node]! })),
      weightBytes: shards.reduce((total, { bytes }) => total + bytes, 0),
    };
  }

  /** @param optimizer null when there will be none any more: then the cloud does all that no plan was given for */
  connect(optimizer: MessagePort | null): void {
    const what = optimizer === null ? "the optimizer has failed" : "the optimizer was restarted";
    this.link.connect(optimizer, new EddiError("unavailable", what));
  }

  /** Images wait for these conditions from now on, whatever the link and this device are like; null: for none. */
  simulate(conditions: SimulatedConditions | null): void {
    this.toCloud.simulate(conditions);
    this.engines.slowDown(conditions?.slowdown ?? 1);
    this.link.simulate(conditions);
  }

  /** @param tell told answers that a better one may follow */
  async answer(
    image: ImageSource,
    options: AnswerOptions,
    signal: AbortSignal,
    tell: (answer: Provisional) => void,
  ): Promise<Answer> {
    this.link.started();
    this.images += 1;
    this.underWay += 1;
    try {
      return await answerImage(this.kit, image, options, signal, tell);
    } finally {
      this.underWay -= 1;
      if (this.underWay === 0) for (const done of this.onIdle.splice(0)) done();
      this.runtimes.answered();
      this.link.finished();
    }
  }

  /** @throws EddiError as `timePart` */
  time(what: Timing): Promise<number> {
    return timePart(what, this.kit.model, () => this.engines.chosen(), this.imageCodecs);
  }

  /** Resolves when nothing is under way. The plan may ask for weights, and weights may change the plan. */
  async settle(): Promise<void> {
    await this.engines.chosen();
    await this.runtimes.settled();
    for (let known = -1; known !== this.kit.readiness.nodes.size; ) {
      known = this.kit.readiness.nodes.size;
      await this.kit.readiness.settled();
      await this.profiler.settled();
      await this.link.settle();
      await this.kit.readiness.settled();
    }
    await this.reserved;
  }

  /** The engine for warming up; when it fails at that it is replaced. */
  private async warmer(): Promise<Pick<Engine, "warmUp"> | null> {
    const engine = await this.engines.chosen();
    if (engine === null) return null;
    return {
      warmUp: async (segment) => {
        try {
          await engine.warmUp(segment);
        } catch (thrown) {
          this.engines.lose(engine, toEddiError(thrown).message);
          throw thrown;
        }
      },
    };
  }

  private async profiledDevice(): Promise<ProfiledDevice | null> {
    const engine = await this.engines.chosen();
    const { selfTestMs } = this.engines;
    if (engine === null || selfTestMs === null) return null;
    const { backend } = engine;
    const { current } = this.runtimes;
    const watch = engineStopwatch(engine, this.imageCodecs);
    const runsOn = current === "tfjs" ? backend : current;
    return { adapter: await adapterName(backend), backend: runsOn, selfTestMs, watch };
  }

  /** Downloads wait while the optimizer measures the link. */
  private holdFor(isHeld: boolean): void {
    if (isHeld) this.endHold ??= this.traffic.hold();
    else {
      this.endHold?.();
      this.endHold = null;
    }
  }

  private async idle(): Promise<void> {
    while (this.underWay > 0) await new Promise<void>((done) => this.onIdle.push(done));
  }

  private problem({ code, message }: EddiError): void {
    this.emit({ kind: "problem", code, message });
  }
}

/** Then a lost device is replaced from the network. */
function reserveFailed(thrown: unknown): void {
  console.warn(`reserve: ${toEddiError(thrown).message}`);
}
