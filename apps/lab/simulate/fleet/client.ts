import { CloudWatch, relax } from "#shared/learning";
import { type NetworkState, observe } from "#shared/network";
import type { ClientKind } from "./client-kind.ts";
import type { Replica } from "./replica.ts";

/** A page probes so often while nobody is answered. */
const PROBE_MS = 2000;
/** Older reports mean nothing any more: each counts half of what the next one does, and half again a second. */
const PROBES_THAT_COUNT = 4;
/** What is known of the cloud is doubted again and again, as `relax` says. */
const RELAX_MS = 15_000;

/** One page: what it has been told of the cloud, by the page's own modules, and what it planned last. */
export class FleetClient {
  readonly kind: ClientKind;
  replica: Replica | null = null;
  /** Number of the last plan. */
  previous = -1;
  /** When its page is opened anew. */
  endsMs = 0;
  private readonly start: NetworkState;
  private network: NetworkState;
  private cloud = new CloudWatch();
  private knownMs = 0;
  private deaths = 0;
  private replyMs = Number.NaN;
  private repliedMs = Number.NaN;

  /** @param start what a page of this kind knows, shared by all */
  constructor(kind: ClientKind, start: NetworkState) {
    this.kind = kind;
    this.start = start;
    this.network = start;
  }

  /** A new page, on another connection. */
  open(nowMs: number, endsMs: number): void {
    this.network = this.start;
    this.cloud = new CloudWatch();
    this.previous = -1;
    this.knownMs = nowMs;
    this.replyMs = Number.NaN;
    this.endsMs = endsMs;
  }

  /** Whether its connection still stands. */
  get isConnected(): boolean {
    return this.replica?.isLive === true && this.replica.deaths === this.deaths;
  }

  /** @param replica null where none is there */
  connect(replica: Replica | null): void {
    this.replica = replica;
    this.deaths = replica?.deaths ?? 0;
  }

  /** A reply that left at one time has come at another: with it the service has told of its queue. */
  heard(leftMs: number, atMs: number): void {
    this.cloud.answered();
    this.replyMs = leftMs;
    this.repliedMs = atMs;
  }

  /** @param retryAfterMs null where nothing was heard */
  failed(retryAfterMs: number | null, nowMs: number): void {
    this.cloud.failed(retryAfterMs, nowMs);
  }

  /**
   * The plan for a photo that comes now.
   *
   * @param toldAt what its replica told at some time
   * @returns its number among the kind's ways
   */
  plan(nowMs: number, toldAt: (replica: Replica, ms: number) => number): number {
    this.learn(nowMs, toldAt);
    const { queueMs } = this.network;
    this.previous = this.kind.plan(queueMs, this.previous, this.cloud.isUp(nowMs) && this.replica !== null);
    return this.previous;
  }

  /** Of all that was told since the last photo, what still counts: the reply, and the last probes. */
  private learn(nowMs: number, toldAt: (replica: Replica, ms: number) => number): void {
    const { replica, replyMs, repliedMs } = this;
    if (replica === null) return;
    if (repliedMs <= nowMs && nowMs - repliedMs < PROBES_THAT_COUNT * PROBE_MS) {
      this.see(repliedMs, toldAt(replica, replyMs));
      this.replyMs = Number.NaN;
      this.repliedMs = Number.NaN;
    }
    const { rttMs } = this.kind.conditions;
    const count = Math.floor((nowMs - this.knownMs) / PROBE_MS);
    const firstMs = this.knownMs + PROBE_MS * (count - Math.min(count, PROBES_THAT_COUNT));
    for (let atMs = firstMs + PROBE_MS; atMs <= nowMs; atMs += PROBE_MS) {
      if (atMs - rttMs / 2 < this.knownMs) continue;
      this.cloud.answered();
      this.see(atMs, toldAt(replica, atMs - rttMs / 2));
    }
    for (let atMs = this.knownMs + RELAX_MS; atMs < nowMs; atMs += RELAX_MS)
      this.network = relax(this.network, atMs);
    this.knownMs = nowMs;
  }

  private see(atMs: number, queueMs: number): void {
    this.network = observe(this.network, { kind: "queue", atMs, queueMs });
  }
}
