import { above } from "./noise.ts";

/**
 * How answers went against what was foretold of them. It corrects the conditions, so that expected latencies are means
 * and the 95 % quantile is exceeded by 5 % of the answers, whatever link, service and page do that nobody has modelled.
 * Plain data.
 */
export interface Surprise {
  /** A request takes so many times as long on the network as the link's medians say: makes means of them. */
  readonly stretch: number;
  /** The spread of requests is so many times what was learnt of each part, those apart that come far too late. */
  readonly core: number;
  /** Share of requests that come far too late, 0..1. */
  readonly late: number;
  /** So many times as far off as the spread says lies the time that 95 % of the requests keep to. */
  readonly tail: number;
  /** The edge's spread is so many times what its samples say. */
  readonly edge: number;
  /** Requests so far, and answers of the edge alone. */
  readonly count: number;
  readonly edgeCount: number;
  /** When the last request was answered, or given up. */
  readonly atMs: number;
}

/** Few requests are far too late before any was. */
const FIRST_LATE = 0.004;

/** Links have tails, before any was seen. Only p95 hangs on it. */
const FIRST_TAIL = 2;

export const NO_SURPRISE: Surprise = {
  stretch: 1,
  core: 1,
  late: FIRST_LATE,
  tail: FIRST_TAIL,
  edge: 1,
  count: 0,
  edgeCount: 0,
  atMs: Number.NEGATIVE_INFINITY,
};

/** How a way to an answer went that was taken, and what was foretold of it; milliseconds. */
export interface WayReport {
  readonly kind: "way";
  readonly by: "edge" | "cloud";
  readonly atMs: number;
  readonly expectedMs: number;
  readonly sdMs: number;
  /** What was foretold to be enough for 95 %. */
  readonly p95Ms: number;
  /** What it took; or how long it was waited for in vain. */
  readonly ms: number;
  readonly isThere: boolean;
}

/**
 * After one more answer. Quantiles are followed by adaptive conformal inference (Gibbs and Candes, 2021), on a
 * logarithmic scale: up by (1 - share) of a step when one is exceeded, else down by `share` of it. So over T answers each
 * is exceeded by its share of them but for (range of the logarithm) / (step * T), whatever the answers are like.
 */
export function surprised(before: Surprise, way: WayReport): Surprise {
  const { expectedMs, sdMs, p95Ms } = way;
  if (!(sdMs > 0)) return before;
  const beyond = exceeds(way, p95Ms, before.late) - BEYOND;
  if (way.by === "edge") {
    const edge = moved(before.edge, stepAt(before.edgeCount) * EDGE_STEP * beyond, EDGE_RANGE);
    return { ...before, edge, edgeCount: before.edgeCount + 1 };
  }
  const isFar = exceeds(way, expectedMs + FAR_Z * sdMs, before.late);
  const past = exceeds(way, expectedMs + CORE_Z * sdMs, before.late) - PAST;
  const core = moved(before.core, (1 - isFar) * CORE_STEP * past, CORE_RANGE);
  const count = before.count + 1;
  // Told in units of the core.
  const step = stepAt(before.count) * TAIL_STEP * beyond - Math.log(core / before.core);
  return {
    ...before,
    core,
    tail: moved(before.tail, step, TAIL_RANGE),
    late: before.late + (isFar - before.late) / Math.min(count + LATE_TRUST, LATE_MEMORY),
    count,
    atMs: way.atMs,
  };
}

/**
 * What was learnt of requests long ago means less: half of it, again and again, until there is one. What was late once
 * would be shunned for ever.
 *
 * @returns the same when there is nothing to forget
 */
export function forgiven(before: Surprise, staleAt: number, now: number): Surprise {
  const { late, stretch, atMs } = before;
  const isFar = late > 2 * FIRST_LATE || Math.abs(Math.log(stretch)) > 0.1;
  if (!isFar || atMs > staleAt || before.count === 0) return before;
  return { ...before, late: (late + FIRST_LATE) / 2, stretch: Math.sqrt(stretch), atMs: now };
}

/** After one more request: the network took so many times as long as was expected. */
export function stretched(before: Surprise, ratio: number): Surprise {
  const gain = 1 / Math.min(before.count + FIRST_STRETCH, STRETCH_MEMORY);
  return {
    ...before,
    stretch: moved(before.stretch, gain * (Math.min(ratio, MOST_RATIO) - 1), STRETCH_RANGE),
  };
}

/**
 * 1 when it took longer than that, 0 when not. Where it was given up before, how probable that is: a request of the core is
 * normal; of one that stalls nobody has seen the end, which is taken to be anywhere on a logarithmic scale until `DEAD_MS`.
 */
function exceeds({ ms, isThere, expectedMs, sdMs }: WayReport, limitMs: number, late: number): number {
  if (ms > limitMs) return 1;
  if (isThere) return 0;
  const core = (ofMs: number): number => (1 - late) * above((ofMs - expectedMs) / sdMs);
  const stalls = Math.log(DEAD_MS / Math.max(ms, 1));
  const still = stalls > 0 ? Math.max(0, Math.log(DEAD_MS / limitMs)) / stalls : 1;
  return Math.min(1, (late * still + core(limitMs)) / (late + core(ms)));
}

/** The first steps are longer. */
function stepAt(count: number): number {
  return 1 + FIRST_STEPS / (count + FIRST_STEPS / 2);
}

interface Range {
  readonly least: number;
  readonly most: number;
}

function moved(value: number, step: number, { least, most }: Range): number {
  return Math.min(Math.max(value * Math.exp(step), least), most);
}

/** Of the 95 % quantile. */
const BEYOND = 0.05;
const FIRST_STEPS = 10;
const TAIL_STEP = 0.5;
const TAIL_RANGE: Range = { least: 0.2, most: 1000 };
const EDGE_STEP = 0.35;
const EDGE_RANGE: Range = { least: 0.25, most: 20 };
/** The core is held at its 90 % quantile: what planning looks at, and nothing that is far off. */
const PAST = 0.1;
const CORE_Z = 1.2816;
const CORE_STEP = 0.2;
const CORE_RANGE: Range = { least: 0.1, most: 5 };
/** Nobody waits for longer. */
const DEAD_MS = 10_000;
/** So many deviations off is far. */
const FAR_Z = 3.5;
const LATE_TRUST = 20;
const LATE_MEMORY = 60;
const FIRST_STRETCH = 8;
const STRETCH_MEMORY = 25;
/** Nobody waits longer. */
const MOST_RATIO = 4;
const STRETCH_RANGE: Range = { least: 0.7, most: 3 };
