import {
  addTimes,
  BIN,
  BINS,
  binOf,
  CELLS,
  fillDiagonals,
  msOf,
  multiply,
  PER_BYTE,
  RTT,
  STEP,
} from "./lattice.ts";
import { centreOf, sdOf } from "./marginal.ts";
import { ERRORS, errorAt, learnNoise, mixture, type Noise, startNoise } from "./noise.ts";
import { RESTART_PAUSE_MS } from "./slow-start.ts";

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
 * Holds typed arrays, is changed in place and allocates nothing per sample; `copy` parts two futures.
 */
export class Link {
  private readonly prior: Prior;
  /** By layer (no restart, restart) and cell; adds up to 1. */
  private readonly layers: readonly Float32Array[];
  private readonly noise: Noise;
  /** When the last request ended. */
  private endMs: number;

  private constructor(prior: Prior, layers: readonly Float32Array[], noise: Noise, endMs: number) {
    this.prior = prior;
    this.layers = layers;
    this.noise = noise;
    this.endMs = endMs;
  }

  /** Starts with a guess that may well be wrong by a factor of 5. */
  static start(guess: { readonly rttMs: number; readonly uplinkBps: number }): Link {
    const prior = {
      rtt: bell(RTT.from, RTT.count, Math.log(guess.rttMs), RTT_SD),
      perByte: bell(PER_BYTE.from, PER_BYTE.count, Math.log(8000 / guess.uplinkBps), PER_BYTE_SD),
    };
    const layers = LAYER_PRIOR.map((share) =>
      Float32Array.from({ length: CELLS }, (_, cell) => {
        const row = Math.floor(cell / PER_BYTE.count);
        return share * prior.rtt[row]! * prior.perByte[cell % PER_BYTE.count]!;
      }),
    );
    return new Link(prior, layers, startNoise(), Number.NEGATIVE_INFINITY);
  }

  copy(): Link {
    const layers = this.layers.map((layer) => layer.slice());
    return new Link(this.prior, layers, this.noise.slice(), this.endMs);
  }

  /** Learns from a request that was answered. */
  observe(sample: LinkSample): void {
    const bin = this.begin(sample);
    mixture(this.noise, "density", errors);
    for (let at = 0; at < BINS; at++) factors[at] = errors[errorAt(bin - at)]!;
    errors.fill(0);
    for (let at = 0; at < BINS; at++) errors[errorAt(bin - at)]! += times[at]!;
    learnNoise(this.noise, errors);
    this.weigh();
  }

  /** Learns from a request that was not answered in time: it would have taken longer than was waited. */
  observeSilence(sample: LinkSample): void {
    const bin = this.begin(sample);
    mixture(this.noise, "above", errors);
    for (let at = 0; at < BINS; at++) factors[at] = errors[errorAt(bin - at)]!;
    this.weigh();
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
    for (const layer of this.layers) addMarginals(layer, rttMarginal, perByteMarginal);
    const rtt = centreOf(RTT, rttMarginal);
    const perByte = centreOf(PER_BYTE, perByteMarginal);
    const rttSd = sdOf(RTT, rttMarginal);
    const uplinkSd = sdOf(PER_BYTE, perByteMarginal);
    const correlation = correlationOf(this.layers, rtt, perByte, 3 * rttSd + STEP, 3 * uplinkSd + STEP);
    return { rttMs: Math.exp(rtt), uplinkBps: 8000 / Math.exp(perByte), rttSd, uplinkSd, correlation };
  }

  /** How probable it is that slow start begins anew after a pause. */
  get restartProbability(): number {
    return this.layers[1]!.reduce((sum, weight) => sum + weight, 0);
  }

  /** Up to the sample: the parameters may have changed. @returns the bin of its time */
  private begin({ tMs, bytes, elapsedMs, serverMs }: LinkSample): number {
    this.move();
    this.spreadTimes(tMs, bytes);
    this.endMs = Math.max(this.endMs, tMs + elapsedMs);
    return Math.round(binOf(Math.max(elapsedMs - serverMs, LEAST_MS)));
  }

  /** Into `moved`: the state before the next sample. */
  private move(): void {
    for (const [at, layer] of this.layers.entries()) move(layer, this.prior, LAYER_PRIOR[at]!, moved[at]!);
  }

  /** Into `diagonals` and `times`: what `moved` says of a request's time, noise apart. */
  private spreadTimes(tMs: number, bytes: number): void {
    const paused = tMs - this.endMs > RESTART_PAUSE_MS;
    times.fill(0);
    for (const [layer, table] of diagonals.entries()) {
      fillDiagonals(bytes, layer === 1 && paused, table);
      addTimes(moved[layer]!, table, times);
    }
  }

  /** From `moved` and `factors`. */
  private weigh(): void {
    let total = 0;
    for (let at = 0; at < BINS; at++) total += times[at]! * factors[at]!;
    for (let at = 0; at < BINS; at++) factors[at]! /= total;
    for (const [at, layer] of this.layers.entries()) multiply(moved[at]!, diagonals[at]!, factors, layer);
  }
}

interface Prior {
  /** Probabilities by index of their axis. */
  readonly rtt: Float64Array;
  readonly perByte: Float64Array;
}

const RTT_SD = 1.4;
const PER_BYTE_SD = 1.8;
/** Few paths are known to restart: without evidence a request after a pause is like any other. */
const LAYER_PRIOR = [0.9, 0.1];
/** How often, per sample, the RTT, the uplink, or both are drawn anew. */
const HAZARD = { rtt: 0.006, perByte: 0.006, both: 0.004 };
/** Besides, both wander by half a percent from sample to sample. */
const LEAK = 0.005 ** 2 / (2 * STEP ** 2);
/** Below a browser's clock step. */
const LEAST_MS = 0.1;

// Scratch for all links: nothing in it outlives a call.
const moved = LAYER_PRIOR.map(() => new Float32Array(CELLS));
const diagonals = LAYER_PRIOR.map(() => new Int32Array(RTT.count + PER_BYTE.count - 1));
const rttSums = new Float64Array(RTT.count);
const perByteSums = new Float64Array(PER_BYTE.count);
const times = new Float64Array(BINS);
const factors = new Float64Array(BINS);
const errors = new Float64Array(ERRORS);

/** One layer before the next sample. What leaks out over the lattice's border comes back. */
function move(layer: Float32Array, prior: Prior, layerPrior: number, into: Float32Array): void {
  const columns = PER_BYTE.count;
  rttSums.fill(0);
  perByteSums.fill(0);
  addMarginals(layer, rttSums, perByteSums);
  const stay = 1 - HAZARD.rtt - HAZARD.perByte - HAZARD.both;
  const still = stay * (1 - 4 * LEAK);
  const leak = stay * LEAK;
  for (let row = 0, cell = 0; row < RTT.count; row++) {
    const up = row === 0 ? 0 : columns;
    const down = row === RTT.count - 1 ? 0 : columns;
    const newRtt = HAZARD.rtt * prior.rtt[row]!;
    const newBoth = layerPrior * HAZARD.both * prior.rtt[row]!;
    const newPerByte = HAZARD.perByte * rttSums[row]! + newBoth;
    for (let column = 0; column < columns; column++, cell++) {
      const left = column === 0 ? 0 : 1;
      const right = column === columns - 1 ? 0 : 1;
      const around = layer[cell - up]! + layer[cell + down]! + layer[cell - left]! + layer[cell + right]!;
      into[cell] =
        still * layer[cell]! +
        leak * around +
        newRtt * perByteSums[column]! +
        newPerByte * prior.perByte[column]!;
    }
  }
}

function addMarginals(layer: Float32Array, rtt: Float64Array, perByte: Float64Array): void {
  for (let row = 0, cell = 0; row < RTT.count; row++) {
    let sum = 0;
    for (let column = 0; column < PER_BYTE.count; column++) {
      const weight = layer[cell++]!;
      sum += weight;
      perByte[column]! += weight;
    }
    rtt[row]! += sum;
  }
}

/** Of what lies within so much of the centre: far modes have no say in how the near one is tilted. */
function correlationOf(
  layers: readonly Float32Array[],
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
  for (const layer of layers) {
    for (let row = rows.from; row <= rows.to; row++) {
      for (let column = columns.from; column <= columns.to; column++) {
        const weight = layer[row * PER_BYTE.count + column]!;
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

function between(centre: number, reach: number, count: number): { readonly from: number; readonly to: number } {
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
  let above = 0;
  let total = 0;
  for (let at = 0; at < BINS; at++) {
    const weight = times[at]!;
    if (weight === 0) continue;
    total += weight;
    above += weight * errors[errorAt(bin - at)]!;
  }
  return 1 - above / total;
}

/** A normal distribution on an axis. */
function bell(from: number, count: number, mean: number, sd: number): Float64Array {
  const weights = Float64Array.from({ length: count }, (_, at) =>
    Math.exp(-0.5 * ((from + at * STEP - mean) / sd) ** 2),
  );
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}
