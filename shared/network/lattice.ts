import { FIRST_WINDOW_BYTES, slowStartShare } from "#shared/model";

/**
 * The lattice on which a link's two parameters live: RTT (ms) down the rows, milliseconds per byte along the
 * columns, both in logarithms and with one step, so that their ratio depends on column - row alone. The time
 * of a request is then `rtt * (1 + bytes * perByte / rtt)`: a row, plus what one short table says of the
 * diagonal. No logarithm is taken per cell.
 *
 * Times are counted in bins, a sixth of a step, from the first row on.
 */
export const STEP = 0.06;
const BINS_PER_STEP = 6;
export const BIN = STEP / BINS_PER_STEP;

/** 0.3 ms to 10 s. */
export const RTT = axis(0.3, 10_000);
/** 1 Gbit/s to 10 kbit/s. */
export const PER_BYTE = axis(8e-6, 0.8);
export const CELLS = RTT.count * PER_BYTE.count;

/** No request is larger: keeps its time within the bins. */
const MOST_BYTES = 1e8;
export const BINS = Math.ceil(Math.log((4 * MOST_BYTES * 0.8) / 0.3) / BIN);

export interface Axis {
  readonly count: number;
  /** Logarithm of the value at index 0. */
  readonly from: number;
}

/** Weights of a layer's cells, with the sums of its rows and columns. */
export interface Layer {
  /** [RTT.count * PER_BYTE.count] */
  readonly cells: Float32Array;
  readonly rtt: Float64Array;
  readonly perByte: Float64Array;
}

export function emptyLayer(): Layer {
  return {
    cells: new Float32Array(CELLS),
    rtt: new Float64Array(RTT.count),
    perByte: new Float64Array(PER_BYTE.count),
  };
}

/** Where in the bins a time lies; fractions and values outside are possible. */
export function binOf(ms: number): number {
  return (Math.log(ms) - RTT.from) / BIN;
}

export function msOf(bin: number): number {
  return Math.exp(RTT.from + bin * BIN);
}

/**
 * Bins that a request of that size takes beyond its row's RTT, by diagonal.
 *
 * @param restarts whether TCP begins anew with its first window
 * @param into     [RTT.count + PER_BYTE.count - 1], at column - row + RTT.count - 1
 */
export function fillDiagonals(bytes: number, restarts: boolean, into: Int32Array): void {
  const size = Math.min(bytes, MOST_BYTES);
  for (let at = 0; at < into.length; at++) {
    const ratio = Math.exp(PER_BYTE.from - RTT.from + (at - RTT.count + 1) * STEP);
    const stalls = restarts ? slowStartShare(size, ratio * FIRST_WINDOW_BYTES) : 0;
    into[at] = Math.round(Math.log1p(size * ratio + stalls) / BIN);
  }
}

/** Adds the weight of every cell to the bin of its time. Neighbours of one bin, and there are many, are added first. */
export function addTimes(weights: Float32Array, diagonals: Int32Array, into: Float64Array): void {
  const { count } = PER_BYTE;
  for (let row = 0, cell = 0; row < RTT.count; row++) {
    const first = row * BINS_PER_STEP;
    const from = RTT.count - 1 - row;
    let bin = diagonals[from]!;
    let sum = 0;
    for (let at = from, end = from + count; at < end; at++) {
      const next = diagonals[at]!;
      if (next !== bin) {
        into[first + bin]! += sum;
        bin = next;
        sum = 0;
      }
      sum += weights[cell++]!;
    }
    into[first + bin]! += sum;
  }
}

/** @param into [CELLS], becomes the sums of both */
export function add(one: Float32Array, other: Float32Array, into: Float32Array): void {
  for (let cell = 0; cell < into.length; cell++) into[cell] = one[cell]! + other[cell]!;
}

/** Multiplies every cell by the factor of its time's bin. @param into an empty layer */
export function multiply(
  weights: Float32Array,
  diagonals: Int32Array,
  factors: Float64Array,
  into: Layer,
): void {
  const { count } = PER_BYTE;
  const { cells, rtt, perByte } = into;
  for (let row = 0, cell = 0; row < RTT.count; row++) {
    const bin = row * BINS_PER_STEP;
    const from = RTT.count - 1 - row;
    let sum = 0;
    for (let column = 0; column < count; column++, cell++) {
      const weight = weights[cell]! * factors[bin + diagonals[from + column]!]!;
      cells[cell] = weight;
      sum += weight;
      perByte[column]! += weight;
    }
    rtt[row] = sum;
  }
}

function axis(least: number, most: number): Axis {
  return { from: Math.log(least), count: Math.ceil(Math.log(most / least) / STEP) + 1 };
}
