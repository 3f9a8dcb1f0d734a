import { type Random, randomFrom } from "#shared/random";
import type { Rate } from "../../rig/rate.ts";
import { seedOf } from "../chance/seeds.ts";
import type { Burst } from "../world/cloud.ts";
import type { LinkSettings } from "../world/link.ts";
import type { RttSource } from "../world/rtt.ts";
import type { WorldSettings } from "../world/world.ts";

/** What makes a simulated world harder than its means; each can be left out, to see what it costs. */
export const FEATURES = [
  "noise",
  "throttling",
  "other",
  "wake-up",
  "slow-start",
  "bufferbloat",
  "photo-bytes",
  "clients",
  "bursts",
] as const;

export type Feature = (typeof FEATURES)[number];

/** Conditions in a few numbers, as the command line gives them. */
export interface Given {
  readonly uplink: Rate;
  readonly downlink: Rate;
  readonly rtt: RttSource;
  /** Of the phone against the profiled machine. */
  readonly slowdown: number;
  /** Share of the service's time that others take. */
  readonly load: number;
  /** Mean time of a whole tail in the service, by the profile. */
  readonly tailMs: number;
  /** How long it goes on. */
  readonly durationMs: number;
  readonly without: ReadonlySet<Feature>;
}

/** A usual phone, its radio and a service of two cores, about what is given. */
export function worldOf(given: Given, seed: number): WorldSettings {
  const { slowdown, load, tailMs, durationMs, without } = given;
  const has = (feature: Feature): boolean => !without.has(feature);
  return {
    link: linkOf(given, has),
    edge: {
      slowdown,
      noise: has("noise") ? 0.05 : 0,
      throttling: has("throttling") ? { slowdown: 1.3, onsetMs: 30_000, coolDownMs: 60_000 } : null,
      otherShare: has("other") ? 0.1 : 0,
      imageMs: 5 * Math.sqrt(slowdown),
      // The profiled backend is WASM.
      blocks: true,
    },
    cloud: {
      scale: 1,
      noise: has("noise") ? 0.1 : 0,
      workers: WORKERS,
      batching: null,
      others: {
        utilisation: has("clients") ? load : 0,
        arrivalCv: 1,
        jobMs: tailMs,
        bursts: has("bursts") ? burstsOf(durationMs, randomFrom(seedOf(seed, "bursts"))) : [],
      },
      coldStartMs: 0,
      maxQueueMs: MAX_QUEUE_MS,
    },
    photoBytesSd: has("photo-bytes") ? PHOTO_BYTES_SD : 0,
  };
}

/** A service of two cores. */
export const WORKERS = 2;
/** As the service's `--max-queue-ms`. */
export const MAX_QUEUE_MS = 2000;
/** JPEG and WebP files of photos at one quality differ by about as much. */
export const PHOTO_BYTES_SD = 0.25;
/** What a modem takes in before it tells anybody to wait. */
export const BUFFER_BYTES = 64 << 10;

function linkOf({ uplink, downlink, rtt }: Given, has: (feature: Feature) => boolean): LinkSettings {
  return {
    uplink,
    downlink,
    rtt,
    jitter: has("noise") ? 0.05 : 0,
    wake: has("wake-up")
      ? { idleAfterMs: 10_000, wakeMs: { p: [0.05, 0.5, 0.95], q: [70, 220, 420] } }
      : null,
    drx: null,
    slowStart: has("slow-start"),
    bufferBytes: has("bufferbloat") ? BUFFER_BYTES : 0,
  };
}

/** A twentieth of the time others come two and a half times as often, 15 s long. */
const BURST_MS = 15_000;
const BURST_SHARE = 0.05;
const BURST_FACTOR = 2.5;

function burstsOf(durationMs: number, random: Random): readonly Burst[] {
  const bursts: Burst[] = [];
  const gapMs = (BURST_MS * (1 - BURST_SHARE)) / BURST_SHARE;
  for (let fromMs = -gapMs * Math.log(1 - random()); fromMs < durationMs; ) {
    bursts.push({ fromMs, toMs: fromMs + BURST_MS, factor: BURST_FACTOR });
    fromMs += BURST_MS - gapMs * Math.log(1 - random());
  }
  return bursts;
}
