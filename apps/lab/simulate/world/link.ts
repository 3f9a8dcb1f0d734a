import { type Capacity, capacityOf, type Rate } from "../../rig/rate.ts";
import { type Quantiles, quantileAt } from "../chance/quantiles.ts";
import { drawAt, seedOf } from "../chance/seeds.ts";
import { Series } from "../chance/series.ts";
import { type RttSource, rttOver } from "./rtt.ts";

export interface LinkSettings {
  readonly uplink: Rate;
  readonly downlink: Rate;
  readonly rtt: RttSource;
  /** Of one message's way about the RTT: standard deviation of the logarithm. */
  readonly jitter: number;
  /** The radio sleeps after so long without traffic, and takes so long to wake up; null: never sleeps. */
  readonly wake: { readonly idleAfterMs: number; readonly wakeMs: Quantiles } | null;
  /** A reply later than `afterMs` after the last packet sent waits a part of the cycle; null: does not. */
  readonly drx: { readonly cycleMs: number; readonly afterMs: number } | null;
  /** Whether a connection that was silent for a second begins with ten segments again, as TCP does. */
  readonly slowStart: boolean;
  /** So many bytes the radio has taken in when it is full: whoever gives up does not get them back. */
  readonly bufferBytes: number;
}

/** The connections that there are: images and probes have one each. */
export type Connection = "image" | "probe";

/** A message on its way up. */
export interface Sending {
  readonly connection: Connection;
  readonly bytes: number;
  /** When its first byte leaves, and when its last has left. */
  readonly startMs: number;
  readonly leftMs: number;
  readonly arrivesMs: number;
}

/** RFC 6928: ten segments. */
const FIRST_WINDOW_BYTES = 14_600;
const SLOW_START_AFTER_MS = 1000;
/** Connections that were silent for so long are made anew, which takes so many round trips (TCP, TLS). */
const RECONNECT_AFTER_MS: Quantiles = { p: [0, 0.5, 1], q: [60_000, 120_000, 300_000] };
const RECONNECT_RTTS = 2;
const JITTER_STEP_MS = 20;

/**
 * A phone's link, both ways: what is sent goes up one after the other at the rate there is, so that what is large
 * delays what is small behind it. Everything is a function of time and of what was sent before, so it can be asked in
 * advance: `foresee` says what `send` would do.
 */
export class WorldLink {
  private readonly settings: LinkSettings;
  private readonly up: Capacity;
  private readonly down: Capacity;
  private readonly jitter: Series;
  private readonly seed: number;
  private readonly baseRttMs: (ms: number) => number;
  /** When the last byte so far has left, or has arrived. */
  private upFreeMs = 0;
  private downFreeMs = 0;
  private heardMs = Number.NEGATIVE_INFINITY;
  private readonly sentMs: Record<Connection, number> = { image: NEVER, probe: NEVER };

  constructor(settings: LinkSettings, seed: number) {
    this.settings = settings;
    this.up = capacityOf(settings.uplink);
    this.down = capacityOf(settings.downlink);
    this.seed = seedOf(seed, "link");
    this.jitter = new Series(seedOf(seed, "jitter"), JITTER_STEP_MS, 0.5);
    this.baseRttMs = rttOver(settings.rtt, seed);
  }

  /** What `send` would do. */
  foresee(atMs: number, bytes: number, connection: Connection): Sending {
    const startMs = this.readyMs(Math.max(atMs, this.upFreeMs), connection);
    const leftMs = this.leavesMs(startMs, bytes, this.isCold(startMs, connection));
    return { connection, bytes, startMs, leftMs, arrivesMs: leftMs + this.rttMs(leftMs) / 2 };
  }

  send(atMs: number, bytes: number, connection: Connection): Sending {
    const sending = this.foresee(atMs, bytes, connection);
    this.upFreeMs = sending.leftMs;
    this.sentMs[connection] = sending.leftMs;
    return sending;
  }

  /** Takes back what has not left yet, but for what the radio has taken in. */
  giveUp({ startMs, leftMs, bytes, connection }: Sending, atMs: number): void {
    // What waits behind it has its place already.
    if (this.upFreeMs !== leftMs || atMs >= leftMs) return;
    const fromMs = Math.max(atMs, startMs);
    const sentBits = Math.max(0, this.up.bitsAt(fromMs) - this.up.bitsAt(startMs));
    const keptBits = Math.min(8 * this.settings.bufferBytes, Math.max(0, 8 * bytes - sentBits));
    this.upFreeMs = Math.min(leftMs, this.up.msOf(this.up.bitsAt(fromMs) + keptBits));
    this.sentMs[connection] = this.upFreeMs;
  }

  /**
   * When a reply has arrived that leaves the service at that time.
   *
   * @param sending what it is the reply to
   */
  foreseeReply(atMs: number, bytes: number, sending: Sending): number {
    const cameMs = this.down.msOf(this.down.bitsAt(Math.max(atMs, this.downFreeMs)) + 8 * bytes);
    const arrivesMs = Math.max(cameMs, atMs) + this.rttMs(atMs) / 2;
    const { drx } = this.settings;
    if (drx === null || arrivesMs - sending.leftMs <= drx.afterMs) return arrivesMs;
    return arrivesMs + drx.cycleMs * drawAt(this.seed, Math.floor(arrivesMs));
  }

  reply(atMs: number, bytes: number, sending: Sending): number {
    const arrivesMs = this.foreseeReply(atMs, bytes, sending);
    const cameMs = this.down.msOf(this.down.bitsAt(Math.max(atMs, this.downFreeMs)) + 8 * bytes);
    this.downFreeMs = Math.max(atMs, cameMs);
    this.heardMs = Math.max(this.heardMs, arrivesMs);
    return arrivesMs;
  }

  /** Of a small message that is sent at that time. */
  rttMs(ms: number): number {
    return this.baseRttMs(ms) * Math.exp(this.settings.jitter * this.jitter.at(ms));
  }

  /** Mean over a stretch of time; at least one bit a second. */
  uplinkBps(fromMs: number, toMs: number): number {
    return meanBps(this.up, fromMs, toMs);
  }

  downlinkBps(fromMs: number, toMs: number): number {
    return meanBps(this.down, fromMs, toMs);
  }

  /** When the radio is awake and the connection stands. */
  private readyMs(atMs: number, connection: Connection): number {
    const { wake } = this.settings;
    const lastMs = Math.max(this.heardMs, this.sentMs.image, this.sentMs.probe);
    const second = Math.floor(atMs / 1000);
    const isAsleep = wake !== null && atMs - lastMs > wake.idleAfterMs;
    const wakeMs = isAsleep ? quantileAt(wake.wakeMs, drawAt(this.seed, second)) : 0;
    const silentMs = atMs - this.sentMs[connection];
    const keptMs = quantileAt(RECONNECT_AFTER_MS, drawAt(this.seed, -1 - second));
    // Pages connect before their first photo.
    const isLost = Number.isFinite(silentMs) && silentMs > keptMs;
    return atMs + wakeMs + (isLost ? RECONNECT_RTTS * this.rttMs(atMs) : 0);
  }

  private isCold(startMs: number, connection: Connection): boolean {
    return this.settings.slowStart && startMs - this.sentMs[connection] > SLOW_START_AFTER_MS;
  }

  /** When so many bytes have left: at the link's rate, and in slow start a window that doubles in each round trip. */
  private leavesMs(startMs: number, bytes: number, isCold: boolean): number {
    if (!isCold) return this.through(startMs, bytes);
    let sent = 0;
    let roundMs = startMs;
    for (let window = FIRST_WINDOW_BYTES; ; window *= 2) {
      const part = Math.min(window, bytes - sent);
      const doneMs = this.through(roundMs, part);
      sent += part;
      if (sent >= bytes) return doneMs;
      roundMs = Math.max(doneMs, roundMs + this.rttMs(roundMs));
    }
  }

  private through(fromMs: number, bytes: number): number {
    return Math.max(fromMs, this.up.msOf(this.up.bitsAt(fromMs) + 8 * bytes));
  }
}

function meanBps(capacity: Capacity, fromMs: number, toMs: number): number {
  const bits = capacity.bitsAt(toMs) - capacity.bitsAt(fromMs);
  return Math.max(1, (1000 * bits) / (toMs - fromMs));
}

const NEVER = Number.NEGATIVE_INFINITY;
