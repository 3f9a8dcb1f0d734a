import { EddiError, toEddiError } from "#shared/errors";
import { exitCosts } from "#shared/evaluator";
import {
  type CloudLost,
  CloudWatch,
  imageTimes,
  learn,
  type Measured,
  relax,
  withImage,
} from "#shared/learning";
import {
  type Catalogue,
  type Model,
  type Plan,
  readModel,
  type SimulatedConditions,
  type Transport,
} from "#shared/model";
import {
  conditionsOf,
  FIRST_GUESS,
  type NetworkState,
  type Observation,
  observe,
  startNetwork,
} from "#shared/network";
import {
  alternativesOf,
  type CostedModel,
  type Planner,
  type PlannerKind,
  type Planning,
  type PlanningTrace,
  type PlanRequest,
  plannerKind,
  planningFor,
  sentBytes,
} from "#shared/planning";
import type { Profile } from "#shared/profile";
import { fetchJson } from "../service/fetch-file.ts";
import type { Service } from "../service/service.ts";
import { SimulatedLink } from "../service/simulated-link.ts";
import type {
  DownloadState,
  Imagined,
  Imagining,
  NodeFacts,
  OptimizerEvent,
  PhaseMap,
  PhaseMapRequest,
} from "../talk/optimizer.ts";
import type { PlanningEvent, PlanningRequest, PlanWish } from "../talk/planning.ts";
import { type Served, serve } from "../talk/serve.ts";
import { fetchCatalogue } from "./catalogue.ts";
import { type Costed, NOTHING_COSTED, PROFILED_SPREAD } from "./costed.ts";
import { type Downloader, DownloadWatch } from "./download-watch.ts";
import { imagine, phaseMap } from "./imagine.ts";
import { nodeFacts } from "./node-facts.ts";
import { Prober } from "./prober.ts";
import {
  analyticTailProfile,
  type FetchJson,
  type FoundProfile,
  type FoundTail,
  firstEdgeScale,
  headProfile,
  plainTailProfile,
  profiledHead,
  tailProfile,
} from "./profiles.ts";
import { simulatedService } from "./simulated-service.ts";
import { Tracer } from "./tracer.ts";

/** How often it is asked whether what is known has become old. */
const TICK_MS = 500;
/** Before an Open Inference server has told what it has. */
const NOTHING_SERVED: Catalogue = { tails: {}, isBinary: false };

/**
 * Knows the conditions, plans for them, and tells edge and page. Lives in its worker. Everything it decides
 * by is in pure functions beside it; here is only what happens when.
 */
export class Optimizer {
  private readonly emit: (event: OptimizerEvent) => void;
  private readonly fetchJson: FetchJson;
  private readonly server: Service | null;
  private readonly cloud = new CloudWatch();
  private readonly downloads = new DownloadWatch();
  private readonly prober: Prober;
  /** What plans are made of, and who makes them: another one for other costs. */
  private planned: CostedModel = NOTHING_COSTED;
  private kind: PlannerKind = plannerKind("eddi", NOTHING_COSTED);
  private planner: Planner = this.kind.start();
  private toEdge: (event: PlanningEvent) => void = () => {};
  private network: NetworkState = startNetwork(FIRST_GUESS);
  private readonly link = new SimulatedLink();
  /** What was known before anything was simulated: it is so again when nothing is. */
  private real: NetworkState | null = null;
  private costed: Costed | null = null;
  private tracer = new Tracer();
  /** This device's own profile of heads, as far as it goes. */
  private own: Profile | null = null;
  /** How the latest request went. */
  private transport: Transport = "fetch";
  private budgetMs = 1000;
  private framesPerSecond: number | null = null;
  private minAccuracy: number | null = null;
  private phoneOnly = false;
  private earlyExits = true;
  private previous: Plan | null = null;
  private readyNodes: ReadonlySet<string> = new Set();
  private imageTimes: readonly number[] = [];
  /** Images under way. */
  private busy = 0;
  /** Of this worker's own downloads. */
  private endHold: (() => void) | null = null;
  private loading: Promise<unknown> = Promise.resolve();
  /** False until the service has told its engine, and again after it was down: it may have changed. */
  private tailKnown = false;
  private toldProblem = "";

  /**
   * @param server the Open Inference server that tails are asked of; null: the service itself
   */
  constructor(service: Service, server: Service | null, emit: (event: OptimizerEvent) => void) {
    const { traffic } = service;
    this.emit = emit;
    this.fetchJson = (url) => fetchJson(service, url);
    this.server = server;
    this.prober = new Prober({
      service: simulatedService(server ?? service, this.link),
      takesUplink: server === null,
      cloud: this.cloud,
      conditions: () => conditionsOf(this.network),
      isSending: () => this.busy > 0 && !this.isAllEdge(),
      downloads: this.downloads,
      hold: (isHeld) => {
        this.toEdge({ kind: "hold", isHeld });
        this.emit({ kind: "hold", isHeld });
        this.endHold?.();
        this.endHold = isHeld ? traffic.hold() : null;
      },
      onProbed: (taught) => {
        this.network = taught.map((one) => this.queued(one)).reduce(observe, this.network);
        if (this.cloud.state(performance.now()) === "down") this.prober.forget();
        if (!this.cloud.isUp(performance.now())) this.tailKnown = false;
        else if (!this.tailKnown) this.background(this.loadTail());
        this.replan();
      },
    });
    // The edge starts too, whether or not it is known to yet.
    this.setDownloading("start", true);
    traffic.listener = {
      onWire: (isOn) => this.setDownloading("own", isOn),
      onArrival: () => this.heard(),
    };
    setInterval(() => this.tick(), TICK_MS);
  }

  /** Serves an edge worker, from its first word on. */
  connect(port: MessagePort): void {
    this.readyNodes = new Set();
    this.busy = 0;
    this.setDownloading("start", true);
    this.setDownloading("edge", false);
    this.toEdge = serve<PlanningRequest, PlanningEvent>(port, (request) => this.handle(request));
    port.start();
    this.prober.downloaderChanged();
  }

  setBudget(budgetMs: number): void {
    this.budgetMs = budgetMs;
    this.replan();
  }

  setLoad(framesPerSecond: number | null): void {
    this.framesPerSecond = framesPerSecond;
    this.replan();
  }

  setMinAccuracy(minAccuracy: number | null): void {
    this.minAccuracy = minAccuracy;
    this.replan();
  }

  setPhoneOnly(phoneOnly: boolean): void {
    this.phoneOnly = phoneOnly;
    this.replan();
  }

  setEarlyExits(earlyExits: boolean): void {
    if (earlyExits === this.earlyExits) return;
    this.earlyExits = earlyExits;
    if (this.costed !== null) this.recost(this.costed);
  }

  private setDownloading(who: Downloader, isOn: boolean): void {
    this.downloads.set(who, isOn, performance.now());
    if (!isOn) this.prober.downloadsChanged();
  }

  /** The app downloads something of its own. */
  setAppDownload(state: DownloadState): void {
    if (state === "loaded") this.heard();
    this.setDownloading("app", state === "loading");
  }

  setVisible(visible: boolean): void {
    this.prober.setVisible(visible);
  }

  /** What would be planned, or what a plan would cost, if this were so. @throws EddiError `bad-plan` */
  imagine({ conditions, plan }: Imagining): Imagined {
    return imagine(this.planned, this.kind.start(), this.imagined(conditions), plan ?? null);
  }

  /** @throws the signal's reason */
  phaseMap(what: PhaseMapRequest, signal: AbortSignal): Promise<PhaseMap> {
    const planner = this.kind.start();
    const at = (conditions: Imagining["conditions"]) =>
      planner.plan(this.imagined({ ...what.conditions, ...conditions })).plan;
    return phaseMap(what, at, signal);
  }

  /** What was planned so far, and what it followed from. @throws EddiError `unavailable` before a model is known */
  trace(): PlanningTrace {
    if (this.costed === null) throw new EddiError("unavailable", "expected a model, there is none yet");
    return this.tracer.trace(this.costed);
  }

  nodes(): readonly NodeFacts[] {
    return this.costed === null ? [] : nodeFacts(this.costed, conditionsOf(this.network));
  }

  /** What is known is learnt anew, as when a phone changes its network; afterwards it is as it was before. */
  private simulate(conditions: SimulatedConditions | null): void {
    if (conditions !== null) this.real ??= this.network;
    else if (this.real !== null) {
      this.network = this.real;
      this.real = null;
    }
    this.link.simulate(conditions);
    this.prober.forget();
    this.replan();
  }

  /** What the service says of its queue, or what is simulated. */
  private queued(taught: Observation): Observation {
    return taught.kind === "queue" ? { ...taught, queueMs: this.link.queueMs(taught.queueMs) } : taught;
  }

  private imagined(conditions: Imagining["conditions"]): PlanRequest {
    const request = this.request(this.withUsual({ budgetMs: this.budgetMs }), null);
    return { ...request, conditions: { ...request.conditions, ...conditions } };
  }

  private async handle(request: PlanningRequest): Promise<Served> {
    switch (request.kind) {
      case "model":
        await this.startModel(request);
        return { reply: null };
      case "engine":
        this.setDownloading("start", false);
        this.background(this.learnEngine(request.backend, request.selfTestMs));
        return { reply: null };
      case "profiled":
        this.own = request.profile;
        this.takeHead(this.costed?.base);
        return { reply: null };
      case "ready":
        this.readyNodes = new Set(request.nodes);
        this.replan();
        return { reply: null };
      case "plan":
        return { reply: this.plan(this.withUsual(request.wish), null) };
      case "downloading":
        this.setDownloading("edge", request.isOn);
        return { reply: null };
      case "arrived":
        this.heard();
        return { reply: null };
      case "started":
        this.busy += 1;
        if (!this.isAllEdge()) this.prober.makeWay();
        return { reply: null };
      case "finished":
        this.busy = Math.max(0, this.busy - 1);
        this.prober.answered();
        return { reply: null };
      case "measured":
        this.learnAnswer(request.measured);
        return { reply: null };
      case "simulate":
        this.simulate(request.conditions);
        return { reply: null };
      case "settle":
        await this.loading;
        await this.prober.settle();
        await this.loading;
        return { reply: this.replan() };
      default: {
        const { kind } = request satisfies never as PlanningRequest;
        throw new EddiError("bad-argument", `unknown request ${kind}`);
      }
    }
  }

  /** Starts with estimates: the plan is all-cloud until the edge is ready, and needs no more. */
  private async startModel({ json, ...asked }: Extract<PlanningRequest, { kind: "model" }>): Promise<void> {
    const model = readModel(json);
    this.previous = null;
    this.own = null;
    this.tracer = new Tracer();
    this.tailKnown = false;
    // It is on its way while costs are made without it.
    const tail = this.askTail(model);
    tail.catch(() => {}); // Whoever waits for it below hears of it.
    const notYet = async (url: string): Promise<never> => {
      throw new EddiError("not-found", url);
    };
    const head = await headProfile(model, null, null, notYet);
    this.recost({
      ...asked,
      model,
      head,
      base: head,
      tail: analyticTailProfile(model, this.server && NOTHING_SERVED),
    });
    this.background(this.loadTail(tail));
  }

  private async learnEngine(backend: string | null, selfTestMs: number | null): Promise<void> {
    if (this.costed === null) throw new EddiError("bad-argument", "expected a model first");
    this.own = null;
    const head = await headProfile(this.costed.model, backend, selfTestMs, this.fetchJson);
    this.guessEdge(firstEdgeScale(head, selfTestMs), this.network.initial.spread.edge);
    this.takeHead(head);
  }

  /** Uses this device's own profile as far as it goes; its scale is about 1. */
  private takeHead(base: FoundProfile | undefined): void {
    if (this.costed === null || base === undefined) return;
    const { own } = this;
    if (own !== null) this.guessEdge(1, PROFILED_SPREAD);
    const head = own === null ? base : profiledHead(this.costed.model, own, base);
    this.recost({ ...this.costed, base, head });
  }

  private guessEdge(edgeScale: number, edgeSpread: number): void {
    const guessed = (network: NetworkState): NetworkState => {
      const { initial } = network;
      const guess = { ...initial, edgeScale, spread: { ...initial.spread, edge: edgeSpread } };
      return { ...network, initial: guess, edgeScale: startNetwork(guess).edgeScale };
    };
    this.network = guessed(this.network);
    if (this.real !== null) this.real = guessed(this.real);
  }

  private async askTail(model: Model): Promise<FoundTail> {
    if (this.server === null) return tailProfile(model, this.fetchJson);
    return plainTailProfile(model, await fetchCatalogue(this.server, model), this.fetchJson);
  }

  private async loadTail(asked?: Promise<FoundTail>): Promise<void> {
    if (this.costed === null) return;
    this.tailKnown = true;
    try {
      const tail = await (asked ?? this.askTail(this.costed.model));
      this.recost({ ...this.costed, tail });
    } catch (thrown) {
      // A server that is there and is none, or has nothing, is asked again when it was away, not every second.
      this.tailKnown = this.server !== null && toEddiError(thrown).code !== "unavailable";
      if (this.tailKnown) {
        const { model } = this.costed;
        this.recost({ ...this.costed, tail: analyticTailProfile(model, NOTHING_SERVED) });
      }
      throw thrown;
    }
  }

  private recost(known: Omit<Costed, "costs">): void {
    const { model, codec, imageCodecs, head, tail } = known;
    const { mayFit, catalogue } = tail;
    const options = { codec, imageCodecs, mayFit, catalogue, transport: this.transport };
    const costs = exitCosts(model, head.profile, tail.profile, options);
    this.costed = { ...known, costs };
    const { earlyExits } = this;
    this.tracer.costed({
      head: head.profile,
      tail: tail.profile,
      transport: this.transport,
      mayFit,
      catalogue,
      earlyExits,
    });
    this.toEdge({ kind: "service", mayFit, catalogue: catalogue === NOTHING_SERVED ? null : catalogue });
    this.planned = { costs, policies: earlyExits ? (model.metadata.policies ?? []) : [] };
    this.kind = plannerKind(known.planner, this.planned);
    this.planner = this.kind.start();
    this.replan();
  }

  private learnAnswer(measured: Measured): void {
    const now = performance.now();
    this.imageTimes = withImage(this.imageTimes, measured.imageMs);
    this.network = learn(this.network, this.costed?.costs ?? [], measured, now);
    const { cloud } = measured;
    if (cloud?.kind === "lost") this.lost(cloud, now);
    if (cloud?.kind === "answered") {
      this.cloud.answered();
      if (!cloud.isShared) this.prober.transferred(cloud.requestBytes);
      if (this.costed !== null && cloud.transport !== this.transport) {
        this.transport = cloud.transport;
        this.recost(this.costed);
        return;
      }
    }
    this.replan();
  }

  /** A reply that is but late, behind bytes that arrive, is no sign that the service is down. */
  private lost({ retryAfterMs, waitedMs, isHeard }: CloudLost, now: number): void {
    if (retryAfterMs === null && waitedMs !== null && isHeard) return;
    this.cloud.failed(retryAfterMs, now);
    if (this.cloud.state(now) === "down") this.prober.forget();
  }

  /** Bytes have arrived. */
  private heard(): void {
    const now = performance.now();
    const wasDown = this.cloud.state(now) === "down";
    this.downloads.heard(now);
    this.cloud.heardOf();
    if (wasDown) this.replan();
  }

  /** Plans anew and tells everybody. */
  private replan(): Planning {
    const now = performance.now();
    const { budgetMs } = this;
    const usual = this.withUsual({ budgetMs });
    const request = this.request(usual, this.previous);
    const planning = planningFor(this.planned, this.planner, request);
    this.tracer.decided(request, planning.plan, this.link.simulated, now);
    this.previous = planning.plan;
    if (this.costed === null) return planning;
    this.toEdge({ kind: "planned", planning });
    const { head, tail } = this.costed;
    this.emit({
      kind: "summary",
      summary: {
        ...planning,
        sentBytes: planning.plan === null ? 0 : sentBytes(this.planned, planning.plan),
        alternatives: alternativesOf(this.planned, this.request(usual, null)),
        conditions: conditionsOf(this.network),
        cloud: this.cloud.state(now),
        measured: { ...this.prober.known, edge: this.imageTimes.length > 0 },
        profiles: { head: head.from, tail: tail.from },
      },
    });
    return planning;
  }

  private plan(wish: Required<PlanWish>, previous: Plan | null): Planning {
    return planningFor(this.planned, this.planner, this.request(wish, previous));
  }

  /** A wish, and of what it does not say what is set. */
  private withUsual(wish: PlanWish): Required<PlanWish> {
    const { minAccuracy, phoneOnly } = this;
    return { minAccuracy, phoneOnly, ...wish };
  }

  private request(wish: Required<PlanWish>, previous: Plan | null): PlanRequest {
    const { budgetMs, minAccuracy, phoneOnly } = wish;
    const conditions = conditionsOf(this.network);
    const cloudUp = !phoneOnly && this.cloud.isUp(performance.now());
    return {
      // Frames leave no pause to restart after.
      conditions: this.framesPerSecond === null ? conditions : { ...conditions, restarts: 0 },
      image: imageTimes(this.imageTimes),
      readyNodes: this.readyNodes,
      cloudUp,
      framesPerSecond: this.framesPerSecond,
      minAccuracy,
      budgetMs,
      previous,
      // Of an Open Inference server only images tell the uplink.
      isGuess: !this.prober.known.uplink && cloudUp && this.server === null,
    };
  }

  private isAllEdge(): boolean {
    const { previous } = this;
    const costs = this.costed?.costs.find(({ exit }) => exit === previous?.exit);
    return costs !== undefined && costs.dag.names.length === previous?.head.length;
  }

  private tick(): void {
    const now = performance.now();
    const relaxed = relax(this.network, now);
    const isOld = relaxed !== this.network;
    this.network = relaxed;
    if (this.cloud.refusalEnded(now) || isOld) this.replan();
  }

  /** What fails for want of the service is tried again; anything else is told, once in a row. */
  private background(work: Promise<void>): void {
    const safe = work.catch((thrown: unknown) => {
      const { code, message } = toEddiError(thrown);
      if (code === "unavailable" || message === this.toldProblem) return;
      this.toldProblem = message;
      this.emit({ kind: "problem", code, message });
    });
    this.loading = Promise.all([this.loading, safe]);
  }
}
