import type { CloudLost, CloudMeasured, HeadMeasured, WayTaken } from "#shared/learning";
import { allEdge, HEADER_BYTES, type Plan, type Transport } from "#shared/model";
import { type Finish, nextStep, type Race, type SoonestStage } from "#shared/planning";
import type { Served } from "../world/cloud.ts";
import type { Run } from "../world/edge.ts";
import type { Sending } from "../world/link.ts";
import type { Demands, RemoteDemands } from "./demands.ts";
import type { Host } from "./host.ts";
import { NO_TIME, type Outcome, type Stages } from "./outcome.ts";
import type { Planned } from "./pilot.ts";
import { budgetOf } from "./scenario.ts";
import { stageKey } from "./stage-key.ts";

/** The page speaks through its stream. */
export const TRANSPORT: Transport = "stream";
/** Of a refusal. */
const REFUSAL_BYTES = 200;
const RETRY_AFTER_MS = 1000;
const ROUNDING_MS = 1e-6;

/** A request under way. */
interface Asked {
  readonly sending: Sending;
  readonly sentMs: number;
  served: Served | null;
  /** What the service said of its queue with the reply. */
  toldQueueMs: number | null;
}

/** An answer of the edge's own, beside the reply. */
interface Finishing {
  /** Where it ends at the latest. */
  readonly exit: string;
  /** On the way there, the last one is that exit. */
  readonly stages: readonly Pick<SoonestStage, "exit" | "threshold">[];
  /** One for each stage that has begun. */
  readonly runs: Run[];
  isDone: boolean;
}

/**
 * One photo on its way to an answer, as the edge worker has it: decoded, the head in stages, early exits asked, the cut
 * sent, the reply awaited as long as the guard says, finished on the edge in the cloud's stead.
 */
export class Answering {
  private readonly session: Host;
  private readonly answer: number;
  private readonly photo: number;
  private readonly startMs: number;
  private imageMs = 0;
  private planned!: Planned;
  private demands!: Demands;
  /** Segments that ran for the plan, and their time. */
  private runs = 0;
  private headMs = 0;
  /** All that the edge worked for this photo. */
  private edgeMs = 0;
  /** Early exits that were asked in vain, earliest first. */
  private readonly unsure: string[] = [];
  private asked: Asked | null = null;
  private reply: Race["reply"] = "under way";
  /** What the edge makes of the photo beside the reply. */
  private local: Finishing | null = null;
  private isTwice = false;
  private waits = 0;
  private wayMs: number | null = null;
  private gaveUpMs = Number.POSITIVE_INFINITY;
  private retryAfterMs: number | null = null;
  private isOver = false;
  private readonly stages: { -readonly [stage in keyof Stages]: number } = { ...NO_TIME };
  /** Until then all time is entered. */
  private enteredMs: number;

  constructor(session: Host, answer: number) {
    this.session = session;
    this.answer = answer;
    this.photo = session.scenario.photos[answer]!;
    this.startMs = session.now;
    this.enteredMs = session.now;
    const { edge, clock } = session.world;
    session.client.started();
    const decoded = edge.decode(this.startMs);
    this.edgeMs += decoded.endMs - decoded.startMs;
    clock.at(this.after(decoded, 0), () => {
      this.spentOn("imageMs", decoded);
      this.imageMs = this.elapsed - this.stages.waitMs;
      this.plan();
    });
  }

  private get elapsed(): number {
    return this.session.now - this.startMs;
  }

  private plan(): void {
    const { session, photo, answer } = this;
    this.planned = session.planFor({ photo, answer, startMs: this.startMs });
    this.demands = session.demandsOf(this.planned.plan);
    this.runStage(0);
  }

  /** Early exits one after the other, then the rest. */
  private runStage(stage: number): void {
    const { asks, restMs, restComputes, remote, exit } = this.demands;
    const ask = asks[stage];
    const run = this.work(ask?.ms ?? restMs);
    if (ask !== undefined || restComputes) this.runs += 1;
    const readyMs = this.after(run, stage + 1);
    this.headMs += readyMs - run.startMs;
    this.session.world.clock.at(readyMs, () => {
      this.spentOn("headMs", run);
      if (ask === undefined) {
        if (remote !== null) return this.send(remote);
        this.wayMs = this.elapsed;
        return this.end(exit, "edge");
      }
      if (this.session.truth.confidence(ask.exit, this.photo) >= ask.threshold)
        return this.end(ask.exit, "edge");
      this.unsure.push(ask.exit);
      this.runStage(stage + 1);
    });
  }

  private send(demands: RemoteDemands): void {
    const { world, now } = this.session;
    const { clock, link, cloud } = world;
    const bytes = world.bytesOf(demands, this.photo);
    const sending = link.send(now, bytes, "image");
    const asked: Asked = { sending, sentMs: now, served: null, toldQueueMs: null };
    this.asked = asked;
    this.wayMs = this.foreseenReplyMs(demands, sending) - this.startMs;
    clock.at(sending.arrivesMs, () => {
      // What was taken back before it had left never arrives.
      if (this.gaveUpMs < sending.leftMs) return;
      const served = cloud.serve(clock.now, demands.cloudMs);
      asked.served = served;
      clock.at(served?.endMs ?? clock.now, () => {
        asked.toldQueueMs = cloud.toldQueueMs(clock.now);
        const replyBytes = served === null ? REFUSAL_BYTES : demands.replyBytes;
        const arrivesMs = link.reply(clock.now, replyBytes, sending);
        this.whenSeen(arrivesMs, () => (served === null ? this.refused() : this.replied()));
      });
    });
    this.step();
  }

  private foreseenReplyMs({ cloudMs, replyBytes }: RemoteDemands, sending: Sending): number {
    const { link, cloud } = this.session.world;
    const served = cloud.foresee(sending.arrivesMs, cloudMs);
    if (served === null) return Number.POSITIVE_INFINITY;
    return link.foreseeReply(served.endMs, replyBytes, sending);
  }

  private replied(): void {
    this.reply = "there";
    this.wayMs = this.elapsed;
    if (!this.isOver) this.step();
  }

  private refused(): void {
    if (this.isOver) return;
    this.reply = "failed";
    this.retryAfterMs = RETRY_AFTER_MS;
    this.step();
  }

  /** Does what there is to be done now, as the page's race has it. @param atLeastMs since the photo came, not rounded */
  private step(atLeastMs = 0): void {
    const { session, reply, planned } = this;
    const { now } = session;
    const race: Race = {
      budgetMs: session.budgetMs,
      sentMs: this.asked!.sentMs - this.startMs,
      expected: planned.expected,
      insurance: planned.plan.insurance?.exit ?? null,
      soonest: planned.soonest?.exit ?? null,
      blocks: session.world.edge.settings.blocks,
      patienceMs: planned.patienceMs,
      overlaps: session.scenario.framesPerSecond !== null,
      finish: this.finishPoints,
      reply,
      local: this.localState,
      isPreparing: false,
    };
    const step = nextStep(race, Math.max(this.elapsed, atLeastMs));
    switch (step.kind) {
      case "wait":
        this.wait(step.untilMs);
        return;
      case "finish":
        this.finish(step.exit);
        return;
      case "give-up":
        this.spent("lostMs", now);
        this.end(null, "lost");
        return;
      case "answer":
        if (step.by === "cloud") this.takeReply();
        else {
          const { runs, stages } = this.local!;
          this.spent("lostMs", runs[0]!.startMs);
          this.spent("finishMs", runs.at(-1)!.endMs);
          this.spent("lostMs", now);
          this.end(stages[runs.length - 1]!.exit, "fallback");
        }
    }
  }

  private get localState(): Race["local"] {
    const { local } = this;
    const state = local === null ? "idle" : local.isDone ? "done" : "running";
    return { state, exit: local?.exit ?? null, failures: 0 };
  }

  /** Where the edge could finish: of exits that were asked in vain the last one's answer is there. */
  private get finishPoints(): readonly Finish[] {
    const last = this.unsure.at(-1);
    return this.planned.finish.filter(({ exit }) => exit === last || !this.unsure.includes(exit));
  }

  private wait(untilMs: number): void {
    if (untilMs === Number.POSITIVE_INFINITY) return;
    const waiting = ++this.waits;
    this.whenSeen(this.startMs + untilMs, () => {
      if (!this.isOver && waiting === this.waits) this.step(untilMs);
    });
  }

  /** What comes while the edge computes, messages and alarms, it sees when it has computed. */
  private whenSeen(atMs: number, happen: () => void): void {
    const { clock, edge } = this.session.world;
    clock.at(atMs, () => {
      const seesMs = edge.seesMs(clock.now);
      if (seesMs > clock.now) this.whenSeen(seesMs, happen);
      else happen();
    });
  }

  private finish(exit: string): void {
    const isKnown = this.unsure.at(-1) === exit;
    const { soonest } = this.planned;
    const stages = exit === soonest?.exit ? soonest.stages : [{ exit, threshold: 0 }];
    this.isTwice = !isKnown;
    this.finishOn({ exit, stages, runs: [], isDone: false }, isKnown);
  }

  /** The next stage, until one is sure enough. @param isKnown its answer is there */
  private finishOn(local: Finishing, isKnown: boolean): void {
    const { session, photo } = this;
    const { runs, stages } = local;
    const { exit, threshold } = stages[runs.length]!;
    const before = session.nodesOf(stages.slice(0, runs.length).map((stage) => stage.exit));
    const parts = isKnown ? [] : session.finishParts(new Set([...this.demands.ran, ...before]), exit);
    const ms = parts.reduce((sum, part) => sum + part, 0);
    const run = this.work(ms, session.world.edge.settings.blocks ? parts : []);
    this.local = local;
    runs.push(run);
    const { clock } = session.world;
    // What came meanwhile comes first.
    clock.at(run.endMs, () =>
      clock.at(run.endMs, () => {
        if (this.isOver) return;
        local.isDone = runs.length === stages.length || session.truth.confidence(exit, photo) >= threshold;
        if (local.isDone) this.step();
        else this.finishOn(local, false);
      }),
    );
  }

  /** Nobody waits any more for what the edge has not computed. */
  private cancelFinish(): void {
    if (this.local === null) return;
    const { runs } = this.local;
    const sparedMs = this.session.world.edge.cancel(runs.at(-1)!, this.session.now);
    this.edgeMs -= sparedMs;
    if (this.session.now < runs[0]!.startMs) this.isTwice = false;
  }

  private takeReply(): void {
    const { sending, served } = this.asked!;
    this.spent("uplinkMs", sending.arrivesMs);
    this.spent("queueMs", served!.startMs);
    this.spent("cloudMs", served!.endMs);
    this.spent("downlinkMs", this.session.now);
    this.end(this.demands.exit, "cloud");
  }

  private end(exit: string | null, by: Outcome["by"]): void {
    this.isOver = true;
    const { session, asked, demands } = this;
    const { world, truth } = session;
    const ms = this.elapsed;
    if (by !== "cloud" && asked !== null) {
      this.gaveUpMs = session.now;
      world.link.giveUp(asked.sending, session.now);
    }
    this.cancelFinish();
    const loss = by === "cloud" ? demands.remote!.loss : 0;
    const right = exit !== null && truth.isRight(world, exit, this.photo, loss);
    const cut = demands.remote?.cut ?? [];
    const { foretold } = this.planned;
    session.client.finished({
      imageMs: this.imageMs,
      head: this.head(exit, by),
      cloud: this.cloudTold(by),
      way: this.wayTaken(exit, by),
    });
    session.record({
      answer: this.answer,
      photo: this.photo,
      atMs: this.startMs,
      exit,
      by,
      plannedExit: demands.exit,
      cut,
      codec: demands.remote?.codec ?? null,
      isInner: cut.length > 0 && !cut.includes(session.scenario.model.dag.names[0]!),
      predictedMs: foretold?.totalMs ?? null,
      predictedP95Ms: foretold?.p95Ms ?? null,
      wayMs: this.wayMs,
      ms,
      stages: this.stages,
      right,
      inTime: exit !== null && ms <= budgetOf(session.scenario) + ROUNDING_MS,
      twice: this.isTwice,
      edgeMs: this.edgeMs,
      sentBytes: asked?.sending.bytes ?? 0,
    });
  }

  /** What ran on the edge, as the page tells it. */
  private head(exit: string | null, by: Outcome["by"]): HeadMeasured | null {
    const { runs, headMs, demands, session, local } = this;
    // Of a plan without a head, what was finished says what there is to say of the edge.
    if (runs === 0 && local?.isDone) {
      const exits = local.stages.slice(0, local.runs.length).map((stage) => stage.exit);
      const ms = local.runs.reduce((sum, run) => sum + run.endMs - run.startMs, 0);
      const plan = allEdge(session.scenario.model, exits.at(-1)!);
      const branches = [...session.nodesOf(exits)].filter((name) => !plan.head.includes(name));
      return { plan, branches, runs: exits.length, ms };
    }
    if (runs === 0) return null;
    const isEarly = by === "edge" && exit !== demands.exit;
    const { plan: planned } = demands;
    const plan: Plan = isEarly ? allEdge(session.scenario.model, exit!) : { ...planned };
    const ran = isEarly ? session.ranUntil(demands, exit!) : demands.ran;
    const onTheWay = new Set(plan.head);
    const branches = [...ran].filter((name) => !onTheWay.has(name));
    const { early: _, insurance: __, ...bare } = plan;
    return { plan: bare, branches, runs, ms: headMs };
  }

  /** The plan's own way, as far as the page sees it. */
  private wayTaken(exit: string | null, by: Outcome["by"]): WayTaken | null {
    const { planned, demands, asked, retryAfterMs } = this;
    const isEarly = by === "edge" && exit !== demands.exit;
    if (planned.foretold === null || isEarly || retryAfterMs !== null) return null;
    const ms = this.elapsed - this.stages.waitMs;
    const way = asked === null ? "edge" : "cloud";
    return { by: way, foretold: planned.foretold, ms, isThere: by === way };
  }

  private cloudTold(by: Outcome["by"]): CloudMeasured | CloudLost | null {
    const { asked, session, demands } = this;
    if (asked === null) return null;
    const { sending, sentMs, served, toldQueueMs } = asked;
    const requestBytes = sending.bytes - HEADER_BYTES[TRANSPORT].request;
    const now = session.now;
    const told = { requestBytes, transport: TRANSPORT, isShared: false } as const;
    if (by !== "cloud") {
      const { retryAfterMs } = this;
      const waitedMs = retryAfterMs === null ? now - sentMs : null;
      const expectedQueueMs = retryAfterMs === null ? null : toldQueueMs;
      return { kind: "lost", ...told, waitedMs, isHeard: false, retryAfterMs, expectedQueueMs };
    }
    const queueMs = served!.startMs - sending.arrivesMs;
    const computeMs = served!.endMs - served!.startMs;
    const { early: _, insurance: __, ...plan } = demands.plan;
    const ran = { queueMs, computeMs, isStandIn: false };
    const times = { elapsedMs: now - sentMs, served: ran, expectedQueueMs: toldQueueMs };
    return { kind: "answered", ...told, plan, ...times };
  }

  /** Enters what the device did: perhaps it had to wait for it, and the page did something for itself behind it. */
  private spentOn(stage: keyof Stages, run: Run): void {
    this.spent("waitMs", run.startMs);
    this.spent(stage, run.endMs);
    this.spent("otherMs", this.session.now);
  }

  private spent(stage: keyof Stages, untilMs: number): void {
    this.stages[stage] += untilMs - this.enteredMs;
    this.enteredMs = untilMs;
  }

  private work(ms: number, parts?: readonly number[]): Run {
    const run = this.session.world.edge.run(this.session.now, ms, parts);
    this.edgeMs += run.endMs - run.startMs;
    return run;
  }

  /** When the page has done what it does for itself after a stage. */
  private after(run: Run, stage: number): number {
    return run.endMs + this.session.world.edge.otherMs(run, stageKey(this.answer, stage));
  }
}
