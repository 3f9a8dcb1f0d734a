import { FIRST_WINDOW_BYTES, RESTART_PAUSE_MS } from "#shared/model";
import { mayHaveChanged, type Prior } from "./change.ts";
import {
  type Axis,
  add,
  addTimes,
  BINS,
  binOf,
  CELLS,
  emptyLayer,
  fillDiagonals,
  type Layer,
  msOf,
  multiply,
  PER_BYTE,
  RTT,
  STEP,
} from "./lattice.ts";
import { centreOf, sdOf } from "./marginal.ts";
import { byError, byTime, ERRORS, learnNoise, mixture, type Noise, startNoise } from "./noise.ts";

/** One request as it went; the same names as in the lab's files. */
export interface LinkSample {
  /** When it was sent. */
  readonly tMs: number;
  /** Body and headers. */
  readonly bytes: number;
  /** Until the reply was there; or how long one was waited for in vain. */
  readonly elapsedMs: number;
  /** Of that: queue and compute. */
  readonly serverMs: number;
}

export interface LinkEstimate {
  readonly rttMs: number;
  readonly uplinkBps: number;
  /** Standard deviations of the logarithms, and their correlation. */
  readonly rttSd: number;
  readonly uplinkSd: number;
  readonly correlation: number;
}

/**
 * What is known of a link: an exact Bayesian filter.
 *
 * ```
 * elapsed - server = (rtt + perByte * bytes + slow start, where the path restarts it after a pause) * noise
 * ```
 *
 * The state is a probability for every cell of a lattice over (ln rtt, ln perByte), twice: for paths that
 * restart slow start and for those that do not. Before each sample either parameter, or both, may have been
 * drawn anew from the prior: Bayesian online change point detection (Adams and MacKay 2007) with the run length
 * summed out. So a change needs no threshold and no memory of samples: old and new parameters compete for the
 * next samples, and with an outlier. Of the noise, whose hypotheses are few, only the marginal is kept (assumed
 * density filtering).
 *
 * Is changed in place; `copy` parts two futures and costs next to nothing.
 */
export class Link {
  private readonly prior: Prior;
  /** By layer (no restart, restart); all cells add up to 1. Never changed, only followed by others. */
  private layers: readonly Layer[];
  private readonly noise: Noise;
  /** When the last request ended. */
  private endMs: number;

  private constructor(prior: Prior, layers: readonly Layer[], noise: Noise, endMs: number) {
    this.prior = prior;
    this.layers = layers;
    this.noise = noise;
    this.endMs = endMs;
  }

  /** Starts with a guess, which is also what a changed link is expected to be like. */
  static start({ rttMs, uplinkBps, spread }: Guess): Link {
    const prior = {
      rtt: bell(RTT, Math.log(Math.max(rttMs, LEAST_MS)), spread.rttMs / Math.max(rttMs, LEAST_MS)),
      perByte: bell(PER_BYTE, Math.log(8000 / uplinkBps), spread.uplink),
    };
    const layers = LAYER_PRIOR.map((share) => {
      const layer = emptyLayer();
      let cell = 0;
      for (const rtt of prior.rtt)
        for (const perByte of prior.perByte) layer.cells[cell++] = share * rtt * perByte;
      for (const [row, weight] of prior.rtt.entries()) layer.rtt[row] = share * weight;
      for (const [column, weight] of prior.perByte.entries()) layer.perByte[column] = share * weight;
      return layer;
    });
    return new Link(prior, layers, startNoise(), Number.NEGATIVE_INFINITY);
  }

  copy(): Link {
    return new Link(this.prior, this.layers, this.noise.slice(), this.endMs);
  }

  /** Learns from a request that was answered. */
  observe(sample: LinkSample): void {
    const bin = this.begin(sample);
    mixture(this.noise, "density", errors);
    this.weigh(bin);
    byError(times, bin, errors);
    learnNoise(this.noise, errors);
  }

  /** Learns from a request that was not answered in time: it would have taken longer than was waited. */
  observeSilence(sample: LinkSample): void {
    const bin = this.begin(sample);
    mixture(this.noise, "above", errors);
    this.weigh(bin);
  }

  /**
   * The predictive distribution of a request's time on the network.
   *
   * @param tMs    when it will be sent
   * @param shares e.g. 0.5 for the median
   * @returns milliseconds, one for each share
   */
  predict(tMs: number, bytes: number, shares: readonly number[]): readonly number[] {
    this.move();
    this.spreadTimes(tMs, bytes);
    mixture(this.noise, "above", errors);
    return shares.map(quantileOfTimes);
  }

  estimate(): LinkEstimate {
    const rttMarginal = new Float64Array(RTT.count);
    const perByteMarginal = new Float64Array(PER_BYTE.count);
    for (const { rtt, perByte } of this.layers) {
      for (let row = 0; row < rtt.length; row++) rttMarginal[row]! += rtt[row]!;
      for (let column = 0; column < perByte.length; column++) perByteMarginal[column]! += perByte[column]!;
    }
    const rtt = centreOf(RTT, rttMarginal);
    const perByte = centreOf(PER_BYTE, perByteMarginal);
    const rttSd = sdOf(RTT, rttMarginal);
    const uplinkSd = sdOf(PER_BYTE, perByteMarginal);
    const correlation = correlationOf(this.layers, rtt, perByte, 3 * rttSd + STEP, 3 * uplinkSd + STEP);
    return { rttMs: Math.exp(rtt), uplinkBps: 8000 / Math.exp(perByte), rttSd, uplinkSd, correlation };
  }

  /** How probable it is that slow start begins anew after a pause. */
  get restartProbability(): number {
    return this.layers[1]!.rtt.reduce((sum, weight) => sum + weight, 0);
  }

  /** Up to the sample: the parameters may have changed. @returns the bin of its time */
  private begin({ tMs, bytes, elapsedMs, serverMs }: LinkSample): number {
    this.move();
    this.spreadTimes(tMs, bytes);
    this.endMs = Math.max(this.endMs, tMs + elapsedMs);
    return Math.round(binOf(Math.max(elapsedMs - serverMs, LEAST_MS)));
  }

  /** Into `moved` and `both`: the state before the next sample; it is often there still. */
  private move(): void {
    if (movedFrom === this.layers) return;
    movedFrom = this.layers;
    for (const [at, layer] of this.layers.entries())
      mayHaveChanged(layer, this.prior, LAYER_PRIOR[at]!, moved[at]!);
    add(moved[0]!, moved[1]!, both);
  }

  /** Into `diagonals` and `times`: what `moved` says of a request's time, noise apart. */
  private spreadTimes(tMs: number, bytes: number): void {
    const restarts = tMs - this.endMs > RESTART_PAUSE_MS && bytes > FIRST_WINDOW_BYTES;
    times.fill(0);
    fillDiagonals(bytes, false, diagonals[0]!);
    if (restarts) {
      fillDiagonals(bytes, true, diagonals[1]!);
      for (const [layer, cells] of moved.entries()) addTimes(cells, diagonals[layer]!, times);
    } else {
      diagonals[1]!.set(diagonals[0]!);
      addTimes(both, diagonals[0]!, times);
    }
  }

  /** From `moved` to the state after a time in that bin, whose likelihood by error is in `errors`. */
  private weigh(bin: number): void {
    byTime(errors, bin, factors);
    let total = 0;
    for (let at = 0; at < BIN_COUNT; at++) total += times[at]! * factors[at]!;
    for (let at = 0; at < BIN_COUNT; at++) factors[at]! /= total;
    this.layers = moved.map((cells, at) => {
      const layer = emptyLayer();
      multiply(cells, diagonals[at]!, factors, layer);
      return layer;
    });
  }
}

/** RTT and uplink, and how little they mean, as in `Conditions`. */
interface Guess {
  readonly rttMs: number;
  readonly uplinkBps: number;
  readonly spread: { readonly rttMs: number; readonly uplink: number };
}

/** Few paths are known to restart: without evidence a request after a pause is like any other. */
const LAYER_PRIOR = [0.9, 0.1];
/** Below a browser's clock step. */
const LEAST_MS = 0.1;
/** However sure a guess is, the link may change to something else. */
const LEAST_SD = 1;

// Scratch for all links: nothing in it outlives a call, but for where `moved` came from.
let movedFrom: readonly Layer[] | null = null;
const moved = LAYER_PRIOR.map(() => new Float32Array(CELLS));
const both = new Float32Array(CELLS);
const diagonals = LAYER_PRIOR.map(() => new Int32Array(RTT.count + PER_BYTE.count - 1));
const times = new Float64Array(BINS);
const factors = new Float64Array(BINS);
const errors = new Float64Array(ERRORS);
const BIN_COUNT = times.length;

/** Of what lies within so much of the centre: far modes have no say in how the near one is tilted. */
function correlationOf(
  layers: readonly Layer[],
  rtt: number,
  perByte: number,
  rttReach: number,
  perByteReach: number,
): number {
  const rows = between((rtt - RTT.from) / STEP, rttReach / STEP, RTT.count);
  const columns = between((perByte - PER_BYTE.from) / STEP, perByteReach / STEP, PER_BYTE.count);
  let weights = 0;
  let x = 0;
  let y = 0;
  let xx = 0;
  let yy = 0;
  let xy = 0;
  for (const { cells } of layers) {
    for (let row = rows.from; row <= rows.to; row++) {
      for (let column = columns.from; column <= columns.to; column++) {
        const weight = cells[row * PER_BYTE.count + column]!;
        weights += weight;
        x += weight * row;
        y += weight * column;
        xx += weight * row * row;
        yy += weight * column * column;
        xy += weight * row * column;
      }
    }
  }
  const covariance = xy / weights - (x * y) / weights ** 2;
  const variances = (xx / weights - (x / weights) ** 2) * (yy / weights - (y / weights) ** 2);
  return variances > 1e-9 ? Math.min(Math.max(covariance / Math.sqrt(variances), -1), 1) : 0;
}

function between(
  centre: number,
  reach: number,
  count: number,
): { readonly from: number; readonly to: number } {
  return {
    from: Math.max(0, Math.floor(centre - reach)),
    to: Math.min(count - 1, Math.ceil(centre + reach)),
  };
}

/** Of `times` with the noise whose upper tails are in `errors`; between two bins by proportion. */
function quantileOfTimes(share: number): number {
  let low = -BINS;
  let high = 2 * BINS;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (shareBelow(middle) < share) low = middle;
    else high = middle;
  }
  const below = shareBelow(low);
  const rest = shareBelow(high) - below;
  return msOf(low + (rest > 0 ? (share - below) / rest : 0));
}

function shareBelow(bin: number): number {
  byTime(errors, bin, factors);
  let above = 0;
  let total = 0;
  for (let at = 0; at < BIN_COUNT; at++) {
    total += times[at]!;
    above += times[at]! * factors[at]!;
  }
  return 1 - above / total;
}

/** A normal distribution on an axis. */
function bell({ from, count }: Axis, mean: number, sd: number): Float64Array {
  const weights = Float64Array.from({ length: count }, (_, at) =>
    Math.exp(-0.5 * ((from + at * STEP - mean) / Math.max(sd, LEAST_SD)) ** 2),
  );
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}
