import { type NetworkState, startNetwork } from "#shared/network";
import { type Random, randomFrom } from "#shared/random";
import { normal } from "../chance/normal.ts";
import { seedOf } from "../chance/seeds.ts";
import type { Subject } from "../set-up/subject.ts";
import { Clock } from "../world/clock.ts";
import { FleetClient } from "./client.ts";
import type { ClientKind, FleetWay } from "./client-kind.ts";
import { Course } from "./course.ts";
import { ExitsSaid } from "./exits-said.ts";
import { Replicas } from "./replicas.ts";
import { CLOUD_NOISE, EDGE_NOISE, type FleetSettings, SESSION_MS, UPLINK_NOISE } from "./settings.ts";
import { ToldHistory } from "./told-history.ts";

/** Of all photos, or of those that were sent. */
export interface Counts {
  answers: number;
  inTime: number;
  right: number;
  rightInTime: number;
  sent: number;
  refused: number;
  lost: number;
  /** The edge answered in the cloud's stead. */
  fallback: number;
}

/** A page tries again so long after it was refused. */
const RETRY_AFTER_MS = 1000;

/**
 * Clients that each plan alone, from what their own replica tells. Photos come by chance, at one mean rate; what exits
 * say of them is recorded; plans are the page's own planner's.
 */
export class Fleet {
  readonly course: Course;
  readonly counts: Counts = {
    answers: 0,
    inTime: 0,
    right: 0,
    rightInTime: 0,
    sent: 0,
    refused: 0,
    lost: 0,
    fallback: 0,
  };
  private readonly settings: FleetSettings;
  private readonly clock = new Clock();
  private readonly replicas: Replicas;
  private readonly told: ToldHistory;
  private readonly random: Random;
  private readonly said: ExitsSaid;

  constructor(subject: Subject, settings: FleetSettings) {
    this.settings = settings;
    this.course = new Course(settings.durationMs);
    this.replicas = new Replicas(settings);
    this.told = new ToldHistory(this.replicas.all);
    this.random = randomFrom(seedOf(settings.seed, "fleet"));
    this.said = new ExitsSaid(subject.verdicts);
  }

  /** @param onProgress told how many seconds have been lived */
  run(kinds: readonly ClientKind[], onProgress: (seconds: number) => void): void {
    const { clients, everyMs, durationMs, failure } = this.settings;
    const { clock, random } = this;
    const starts = new Map<ClientKind, NetworkState>(
      kinds.map((kind) => [kind, startNetwork(kind.conditions)]),
    );
    for (const kind of kindsOf(kinds, clients)) {
      const client = new FleetClient(kind, starts.get(kind)!);
      const firstMs = everyMs * random();
      client.open(0, this.draw(SESSION_MS));
      client.connect(this.replicas.connect());
      clock.at(firstMs, () => this.take(client));
    }
    this.keepTelling();
    this.keepScaling(onProgress);
    if (failure !== null && failure.atMs < durationMs) {
      clock.at(failure.atMs, () => this.replicas.fail());
      clock.at(failure.atMs + failure.forMs, () => this.replicas.restore(clock.now));
    }
    clock.run();
  }

  private take(client: FleetClient): void {
    const { clock, settings, told } = this;
    const nowMs = clock.now;
    if (nowMs >= settings.durationMs) return;
    this.join(client, nowMs);
    const way = client.kind.ways[client.plan(nowMs, told.at)]!;
    this.answer(client, way, nowMs);
    clock.at(nowMs + this.draw(settings.everyMs), () => this.take(client));
  }

  /** Opens the page anew when its time has come; connects it where its replica is gone. */
  private join(client: FleetClient, nowMs: number): void {
    const isOver = nowMs >= client.endsMs;
    if (isOver) {
      if (client.isConnected) client.replica!.clients -= 1;
      client.open(nowMs, nowMs + this.draw(SESSION_MS));
    }
    if (isOver || !client.isConnected) client.connect(this.replicas.connect());
  }

  private answer(client: FleetClient, way: FleetWay, startMs: number): void {
    const { kind } = client;
    const { asks, restMs, remote, exit } = way.demands;
    const photo = this.said.draw(this.random);
    const scale = kind.conditions.edgeScale * Math.exp(EDGE_NOISE * normal(this.random));
    let ms = kind.imageMs;
    for (const ask of asks) {
      ms += scale * ask.ms;
      if (this.said.confidence(ask.exit, photo) < ask.threshold) continue;
      this.settle(startMs, ms <= kind.budgetMs, this.said.isRight(ask.exit, photo, 0, 0));
      return;
    }
    ms += scale * restMs;
    if (remote === null) {
      this.settle(startMs, ms <= kind.budgetMs, this.said.isRight(exit, photo, 0, 0));
      return;
    }
    const { clock, random } = this;
    const { rttMs, uplinkBps } = kind.conditions;
    const uplinkMs = ((8000 * remote.bytes) / uplinkBps) * Math.exp(UPLINK_NOISE * normal(random));
    const asked = { client, way, photo, startMs, headMs: ms, scale, luck: random() };
    this.counts.sent += 1;
    clock.at(startMs + ms + uplinkMs + rttMs / 2, () => this.arrive(asked));
  }

  private arrive(asked: Asked): void {
    const { clock, settings, course } = this;
    const { client, way, startMs } = asked;
    const { remote } = way.demands;
    const nowMs = clock.now;
    const { rttMs, downlinkBps } = client.kind.conditions;
    if (!client.isConnected) {
      this.lose(asked);
      return;
    }
    const replica = client.replica!;
    const ms = remote!.cloudMs * Math.exp(CLOUD_NOISE * normal(this.random));
    const backMs = rttMs / 2 + (8000 * remote!.replyBytes) / downlinkBps;
    const served = replica.serve(nowMs, ms, startMs + client.kind.budgetMs - backMs - nowMs);
    if (served === "refused") {
      this.counts.refused += 1;
      client.heard(nowMs, nowMs + backMs);
      client.failed(RETRY_AFTER_MS, nowMs + backMs);
      this.finishHere(asked);
      return;
    }
    course.work(nowMs, ms);
    const settle = (): void => {
      client.heard(served.endMs, served.endMs + backMs);
      this.takeReply(asked, served.endMs + backMs);
    };
    const { failure } = settings;
    const mayDie = failure !== null && failure.atMs >= nowMs && failure.atMs <= served.endMs;
    if (mayDie) clock.at(served.endMs, () => (client.isConnected ? settle() : this.lose(asked)));
    else settle();
  }

  private takeReply(asked: Asked, atMs: number): void {
    const { client, way, photo, startMs, luck } = asked;
    const { exit, remote } = way.demands;
    if (atMs > startMs + client.kind.budgetMs) this.finishHere(asked);
    else this.settle(startMs, true, this.said.isRight(exit, photo, remote!.loss, luck));
  }

  private lose(asked: Asked): void {
    this.counts.lost += 1;
    asked.client.failed(null, this.clock.now);
    this.finishHere(asked);
  }

  /** The insuring exit's answer, if it can be had in time. */
  private finishHere({ client, way, photo, startMs, headMs, scale }: Asked): void {
    const { insured } = way;
    if (insured === null) {
      this.settle(startMs, false, false);
      return;
    }
    this.counts.fallback += 1;
    const isInTime = headMs + scale * insured.ms <= client.kind.budgetMs;
    this.settle(startMs, isInTime, this.said.isRight(insured.exit, photo, 0, 0));
  }

  private settle(startMs: number, isInTime: boolean, isRight: boolean): void {
    const { counts } = this;
    counts.answers += 1;
    if (isInTime) counts.inTime += 1;
    if (isRight) counts.right += 1;
    if (isInTime && isRight) counts.rightInTime += 1;
    this.course.photo(startMs, isInTime && isRight);
  }

  private keepTelling(): void {
    const { told, clock, settings } = this;
    if (told.nextMs > settings.durationMs) return;
    clock.at(told.nextMs, () => {
      told.write();
      this.keepTelling();
    });
  }

  private keepScaling(onProgress: (seconds: number) => void): void {
    const { clock, course, settings, replicas } = this;
    const { autoscaling, workers, durationMs } = settings;
    const tick = (): void => {
      const second = course.secondOf(clock.now - 1);
      const { live } = replicas;
      course.live[second] = live.length;
      const told = live.reduce((sum, one) => sum + one.toldQueueMs(clock.now), 0);
      course.toldMs[second] = told / Math.max(1, live.length);
      const seconds = Math.round(clock.now / 1000);
      const periodS = (autoscaling?.periodMs ?? Number.POSITIVE_INFINITY) / 1000;
      if (seconds % periodS === 0) {
        let workMs = 0;
        for (let at = seconds - periodS; at < seconds; at++) workMs += course.workMs[at]!;
        replicas.scale(clock.now, workMs / (1000 * periodS * workers * Math.max(1, live.length)));
      }
      if (seconds % 10 === 0) onProgress(seconds);
      if (clock.now < durationMs) clock.at(clock.now + 1000, tick);
    };
    clock.at(1000, tick);
  }

  private draw(meanMs: number): number {
    return -meanMs * Math.log(1 - this.random());
  }
}

/** A photo on its way to the cloud. */
interface Asked {
  readonly client: FleetClient;
  readonly way: FleetWay;
  readonly photo: number;
  readonly startMs: number;
  readonly headMs: number;
  readonly scale: number;
  /** Says whether codecs spoil it. */
  readonly luck: number;
}

/** So many clients of each kind as its weight says. */
function* kindsOf(kinds: readonly ClientKind[], count: number): Generator<ClientKind> {
  let at = 0;
  let passed = kinds[0]!.weight;
  for (let client = 0; client < count; client++) {
    while (at < kinds.length - 1 && (client + 0.5) / count > passed) passed += kinds[++at]!.weight;
    yield kinds[at]!;
  }
}
