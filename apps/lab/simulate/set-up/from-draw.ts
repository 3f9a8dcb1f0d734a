import type { Objective } from "#shared/optimizer";
import { type Random, randomFrom } from "#shared/random";
import type { RateStep } from "../../rig/rate.ts";
import { quantileAt } from "../chance/quantiles.ts";
import { seedOf } from "../chance/seeds.ts";
import { Series } from "../chance/series.ts";
import type { Draw, DrawnCloud, DrawnEdge, DrawnLink, DrawnUse } from "../population/draw.ts";
import { playTrace } from "../traces/play.ts";
import type { Trace } from "../traces/trace.ts";
import type { CloudSettings } from "../world/cloud.ts";
import type { EdgeSettings } from "../world/edge.ts";
import type { LinkSettings } from "../world/link.ts";
import type { WorldSettings } from "../world/world.ts";
import type { Task } from "./build-scenario.ts";
import { BUFFER_BYTES, MAX_QUEUE_MS, PHOTO_BYTES_SD } from "./settings.ts";
import type { Subject } from "./subject.ts";

/** A user's conditions as a world, and what that user asks for. */
export interface DrawnSession {
  readonly world: WorldSettings;
  readonly task: Task;
}

export interface DrawOptions {
  /** By the name that the population gives them. */
  readonly traces: ReadonlyMap<string, Trace>;
  /** Photos of one session, at most. */
  readonly most: number;
  /** Instead of the budget that was drawn: what is asked of everybody, or each one's own accuracy floor. */
  readonly objective: Objective | "floor" | null;
}

/** Plays a draw of the population for a model. */
export function fromDraw(draw: Draw, subject: Subject, options: DrawOptions): DrawnSession {
  const seed = draw.streamSeed;
  const pauses = pausesOf(draw.use, options.most, randomFrom(seedOf(seed, "pauses")));
  const durationMs = pauses.at(-1)! + 20_000;
  return {
    world: {
      link: linkOf(draw.link, options.traces, seed),
      edge: edgeOf(draw.edge, draw.use, subject),
      cloud: cloudOf(draw.cloud, subject, durationMs, randomFrom(seedOf(seed, "service"))),
      photoBytesSd: PHOTO_BYTES_SD,
    },
    task: {
      objective: objectiveOf(draw.use, subject, options.objective),
      framesPerSecond: draw.use.mode === "live" ? draw.use.fps : null,
      pauses,
    },
  };
}

function linkOf(link: DrawnLink, traces: DrawOptions["traces"], seed: number): LinkSettings {
  const steps = (meanBps: number, name: string): readonly RateStep[] =>
    link.trace === null
      ? wavering(meanBps, seedOf(seed, name))
      : playTrace(traces.get(link.trace)!, { startMs: link.traceStartMs, meanBps });
  return {
    // Both directions play the same trace from the same start.
    uplink: steps(link.uplinkBps, "uplink"),
    downlink: steps(link.downlinkBps, "downlink"),
    rtt: {
      kind: "distribution",
      rttMs: { p: link.rttFactor.p, q: link.rttFactor.q.map((factor) => factor * link.rttMs) },
    },
    jitter: 0.05,
    wake: { idleAfterMs: link.idleAfterMs, wakeMs: link.wakeMs },
    drx: link.drx,
    slowStart: true,
    bufferBytes: BUFFER_BYTES,
  };
}

const WAVERING_STEPS = 600;
const WAVERING_CV = 0.15;

/** Where no trace is played: a constant times exp(0.15 z), z correlated by 0.9 from second to second. */
function wavering(meanBps: number, seed: number): readonly RateStep[] {
  const series = new Series(seed, 1000, 0.9);
  return Array.from({ length: WAVERING_STEPS }, (_, second) => ({
    durationMs: 1000,
    bps: meanBps * Math.exp(WAVERING_CV * series.at(1000 * second)),
  }));
}

/** The page takes the faster of its backends; either is the profiled one, so many times as slow. */
function edgeOf(edge: DrawnEdge, { mode }: DrawnUse, { mmacs, edgeMs, nodes }: Subject): EdgeSettings {
  const wasmMs = (edge.wasm.msPer100Mmac * mmacs) / 100;
  const { webgpu } = edge;
  const webgpuMs = webgpu.isUsable
    ? (webgpu.msPer100Mmac * mmacs) / 100 + webgpu.msPerOperation * nodes + webgpu.readbackMs
    : Number.POSITIVE_INFINITY;
  const backend = webgpuMs < wasmMs ? webgpu : edge.wasm;
  return {
    slowdown: Math.min(wasmMs, webgpuMs) / edgeMs,
    noise: 0.05,
    throttling: { slowdown: backend.slowdown, onsetMs: backend.onsetMs, coolDownMs: edge.coolDownMs },
    otherShare: 0.1,
    imageMs: edge.photoDecodeMs * (mode === "live" ? LIVE_DECODE_SHARE : 1),
    blocks: backend === edge.wasm,
  };
}

/** The population's `liveFrameDecodeShareOfPhotoDecode`. */
const LIVE_DECODE_SHARE = 0.15;

function cloudOf(
  cloud: DrawnCloud,
  { mmacs, cloudMs }: Subject,
  durationMs: number,
  random: Random,
): CloudSettings {
  const jobMs = cloud.fixedMs + (cloud.msPer100Mmac * mmacs) / 100;
  const fromMs = random() * durationMs;
  const { bursts, coldStartMs } = cloud;
  const burst = bursts && {
    fromMs,
    toMs: fromMs + 1000 * quantileAt(bursts.durationS, random()),
    factor: quantileAt(bursts.rateFactor, random()),
  };
  return {
    scale: jobMs / cloudMs,
    noise: 0.1,
    // The population's times are of all threads at one job.
    workers: 1,
    // What a batch saves is the fixed part and what a GPU leaves idle.
    batching: cloud.kind === "gpu" ? { most: 8, share: 0.2 } : null,
    others: {
      utilisation: cloud.utilisation,
      arrivalCv: cloud.arrivalCv,
      jobMs,
      bursts: burst === null ? [] : [burst],
    },
    coldStartMs: coldStartMs === null ? 0 : quantileAt(coldStartMs, random()),
    maxQueueMs: MAX_QUEUE_MS,
  };
}

function objectiveOf(use: DrawnUse, { model }: Subject, wished: DrawOptions["objective"]): Objective {
  if (wished === null) return { kind: "accuracy", budgetMs: use.budgetMs };
  if (wished !== "floor") return wished;
  const full = model.metadata.exits.at(-1)!.accuracy ?? 0;
  return { kind: "latency", minAccuracy: Math.max(0, full - use.lossPoints / 100) };
}

/** When the photos of a session come, from the first on; a burst's session is one burst. */
function pausesOf(
  { mode, length, fps, thinkS, gapS }: DrawnUse,
  most: number,
  random: Random,
): readonly number[] {
  const count = Math.max(1, Math.min(most, Math.round(mode === "live" ? length * fps : length)));
  let atMs = 0;
  return Array.from({ length: count }, (_, at) => {
    if (at === 0) return 0;
    atMs += 1000 * (mode === "live" ? 1 / fps : quantileAt((gapS ?? thinkS)!, random()));
    return atMs;
  });
}
