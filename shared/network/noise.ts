import { BIN } from "./lattice.ts";

/**
 * How a request's time scatters about what RTT and uplink say: in logarithms, normal with an unknown standard
 * deviation, or now and then an outlier to either side. Each pair of values is a hypothesis with a weight; one
 * plain mixture of all of them judges the next sample.
 */
const SIZES = [0.03, 0.045, 0.067, 0.1, 0.15, 0.22, 0.33];
const SIZE_WEIGHTS = [1, 1.5, 2, 2, 2, 1.5, 1];
const OUTLIERS = [0.01, 0.05, 0.12];
const OUTLIER_WEIGHTS = [0.25, 0.5, 0.25];
const OUTLIER_SD = 1.2;

const PRIOR = normalised(SIZE_WEIGHTS.flatMap((size) => OUTLIER_WEIGHTS.map((outlier) => size * outlier)));

/** Weights by hypothesis. */
export type Noise = Float64Array;

/** Logarithmic errors from -5 to 5, one a bin; farther ones count as these. */
const MOST = Math.round(5 / BIN);
export const ERRORS = 2 * MOST + 1;

/** By hypothesis and error: the density, and the probability of an error above it. */
const DENSITY = PRIOR.map(() => new Float64Array(ERRORS));
const ABOVE = PRIOR.map(() => new Float64Array(ERRORS));
for (let hypothesis = 0; hypothesis < PRIOR.length; hypothesis++) {
  const sd = SIZES[Math.floor(hypothesis / OUTLIERS.length)]!;
  const outliers = OUTLIERS[hypothesis % OUTLIERS.length]!;
  for (let at = 0; at < ERRORS; at++) {
    const error = (at - MOST) * BIN;
    DENSITY[hypothesis]![at] =
      ((1 - outliers) * density(error / sd)) / sd + (outliers * density(error / OUTLIER_SD)) / OUTLIER_SD;
    ABOVE[hypothesis]![at] = (1 - outliers) * above(error / sd) + outliers * above(error / OUTLIER_SD);
  }
}

export function startNoise(): Noise {
  return Float64Array.from(PRIOR);
}

/** Of the mixture, by error: densities, or probabilities of a greater error. */
export function mixture(noise: Noise, kind: "density" | "above", into: Float64Array): void {
  const tables = kind === "density" ? DENSITY : ABOVE;
  into.fill(0);
  for (let hypothesis = 0; hypothesis < tables.length; hypothesis++) {
    const weight = noise[hypothesis]!;
    const table = tables[hypothesis]!;
    for (let at = 0; at < ERRORS; at++) into[at]! += weight * table[at]!;
  }
}

/**
 * Of values by error those by expected time, where a request took until that bin.
 *
 * @param into by bin
 */
export function byTime(errors: Float64Array, bin: number, into: Float64Array): void {
  for (let at = 0; at < into.length; at++) into[at] = errors[errorAt(bin - at)]!;
}

/** The other way round: adds what is given by expected time up by error. */
export function byError(times: Float64Array, bin: number, into: Float64Array): void {
  into.fill(0);
  for (let at = 0; at < times.length; at++) into[errorAt(bin - at)]! += times[at]!;
}

/** Index of an error that is given in whole bins. */
function errorAt(bins: number): number {
  return Math.min(Math.max(bins + MOST, 0), ERRORS - 1);
}

/**
 * Learns from one more error, of which only a distribution is known; forgets a little.
 *
 * @param errors weights by error
 */
export function learnNoise(noise: Noise, errors: Float64Array): void {
  let total = 0;
  for (let hypothesis = 0; hypothesis < PRIOR.length; hypothesis++) {
    const table = DENSITY[hypothesis]!;
    let evidence = 0;
    for (let at = 0; at < ERRORS; at++) evidence += errors[at]! * table[at]!;
    total += noise[hypothesis]! *= evidence;
  }
  for (let hypothesis = 0; hypothesis < PRIOR.length; hypothesis++) {
    noise[hypothesis] = (1 - FORGETTING) * (noise[hypothesis]! / total) + FORGETTING * PRIOR[hypothesis]!;
  }
}

const FORGETTING = 0.005;

function density(z: number): number {
  return Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI);
}

/** Upper tail of the standard normal: Abramowitz and Stegun 26.2.17, off by at most 7.5e-8. */
export function above(z: number): number {
  if (z < 0) return 1 - above(-z);
  const t = 1 / (1 + 0.2316419 * z);
  const series = 0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429)));
  return density(z) * t * series;
}

function normalised(values: readonly number[]): readonly number[] {
  const total = values.reduce((sum, value) => sum + value, 0);
  return values.map((value) => value / total);
}
