import { FIRST_WINDOW_BYTES, RESTART_PAUSE_MS, slowStartShare } from "#shared/model";
import { randomFrom } from "#shared/random";
import type { LinkSample } from "./link.ts";

/** For tests only: a link as it truly is. */
export interface TrueLink {
  readonly rttMs: number;
  readonly uplinkBps: number;
  /** Standard deviation of the logarithm of a request's time. */
  readonly noise: number;
  /** Share of requests whose logarithm is off by a normal error of 1.2 besides. */
  readonly outliers: number;
  /** Whether slow start begins anew after a pause. */
  readonly restarts: boolean;
}

export interface TrueSample extends LinkSample {
  readonly link: TrueLink;
  readonly isOutlier: boolean;
}

/** For tests only: requests of 300 B to 200 kB, evenly on a logarithmic scale, with pauses up to 3 s between. */
export class Simulation {
  readonly random: () => number;
  readonly samples: TrueSample[] = [];
  private now = 0;

  constructor(seed: number) {
    this.random = randomFrom(seed);
  }

  /** Between two values, evenly on a logarithmic scale. */
  between(least: number, most: number): number {
    return least * (most / least) ** this.random();
  }

  next(
    link: TrueLink,
    bytes = Math.round(this.between(300, 200_000)),
    pauseMs = this.between(10, 3000),
  ): TrueSample {
    const tMs = this.now + pauseMs;
    const isOutlier = this.random() < link.outliers;
    const stretch = Math.exp((isOutlier ? 1.2 : link.noise) * normal(this.random));
    const serverMs = 20 * this.random();
    const elapsedMs = serverMs + stretch * trueMs(link, bytes, pauseMs);
    this.now = tMs + elapsedMs;
    const sample = { tMs, bytes, elapsedMs, serverMs, link, isOutlier };
    this.samples.push(sample);
    return sample;
  }
}

function trueMs({ rttMs, uplinkBps, restarts }: TrueLink, bytes: number, pauseMs: number): number {
  const perByte = 8000 / uplinkBps;
  const stalls =
    restarts && pauseMs > RESTART_PAUSE_MS
      ? slowStartShare(bytes, (perByte * FIRST_WINDOW_BYTES) / rttMs)
      : 0;
  return rttMs * (1 + stalls) + perByte * bytes;
}

/** What could be known of the parameters after the last of these samples. */
export interface OracleEstimate {
  readonly rttMs: number;
  readonly uplinkBps: number;
  /** Of the logarithms, by Fisher's information. */
  readonly rttSd: number;
  readonly uplinkSd: number;
}

/**
 * For tests only: the best that any estimator could do. Least squares of logarithms, knowing which samples are
 * outliers, and when which of the parameters changed. No pauses, no slow start.
 */
export function oracle(samples: readonly TrueSample[]): OracleEstimate {
  const rtts: number[] = [];
  const uplinks: number[] = [];
  const rows = samples
    .map(({ link, bytes, elapsedMs, serverMs, isOutlier }) => {
      if (rtts.at(-1) !== link.rttMs) rtts.push(link.rttMs);
      if (uplinks.at(-1) !== link.uplinkBps) uplinks.push(link.uplinkBps);
      return { rtt: rtts.length - 1, uplink: uplinks.length - 1, bytes, ms: elapsedMs - serverMs, isOutlier };
    })
    .filter(({ isOutlier }) => !isOutlier);
  const count = rtts.length + uplinks.length;
  // Begins at the truth: only the minimum beside it matters. A little of the truth keeps what nothing tells.
  const start = [...rtts.map(Math.log), ...uplinks.map((bps) => Math.log(8000 / bps))];
  const values = [...start];
  const { noise } = samples[0]!.link;
  let inverse: number[][] = [];
  for (let step = 0; step < 20; step++) {
    const matrix = start.map((_, at) => start.map((_, other) => (at === other ? 1e-6 : 0)));
    const gradient = new Array<number>(count).fill(0);
    for (const { rtt, uplink, bytes, ms } of rows) {
      const c = rtts.length + uplink;
      const rttMs = Math.exp(values[rtt]!);
      const uplinkMs = bytes * Math.exp(values[c]!);
      const error = (Math.log(ms) - Math.log(rttMs + uplinkMs)) / noise;
      const slopes = [rttMs / (rttMs + uplinkMs) / noise, uplinkMs / (rttMs + uplinkMs) / noise];
      for (const [one, i] of [rtt, c].entries()) {
        gradient[i]! += slopes[one]! * error;
        for (const [two, j] of [rtt, c].entries()) matrix[i]![j]! += slopes[one]! * slopes[two]!;
      }
    }
    inverse = inverted(matrix);
    for (let at = 0; at < count; at++) {
      const change = inverse[at]!.reduce((sum, weight, other) => sum + weight * gradient[other]!, 0);
      values[at]! += Math.min(Math.max(change, -0.5), 0.5);
    }
  }
  const rtt = rtts.length - 1;
  return {
    rttMs: Math.exp(values[rtt]!),
    uplinkBps: 8000 / Math.exp(values[count - 1]!),
    rttSd: Math.sqrt(inverse[rtt]![rtt]!),
    uplinkSd: Math.sqrt(inverse[count - 1]![count - 1]!),
  };
}

/** By Gauss and Jordan; the matrix is positive definite. */
function inverted(matrix: readonly (readonly number[])[]): number[][] {
  const size = matrix.length;
  const rows = matrix.map((row, at) => [...row, ...row.map((_, other) => (at === other ? 1 : 0))]);
  for (let at = 0; at < size; at++) {
    const pivot = rows[at]![at]!;
    rows[at] = rows[at]!.map((value) => value / pivot);
    for (let other = 0; other < size; other++) {
      if (other === at) continue;
      const factor = rows[other]![at]!;
      rows[other] = rows[other]!.map((value, column) => value - factor * rows[at]![column]!);
    }
  }
  return rows.map((row) => row.slice(size));
}

/** For tests only: standard normal, by Box and Muller. */
export function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
