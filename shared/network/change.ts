import { PER_BYTE, RTT, STEP } from "./lattice.ts";

/** What a link is like before anything was measured, or after it became another: probabilities by index. */
export interface Prior {
  readonly rtt: Float64Array;
  readonly perByte: Float64Array;
}

/** How often, per sample, the RTT, the uplink, or both are drawn anew. */
const HAZARD = { rtt: 0.006, perByte: 0.006, both: 0.004 } as const;
const STAY = 1 - HAZARD.rtt - HAZARD.perByte - HAZARD.both;
/** Besides, both wander by half a percent from sample to sample. */
const LEAK = 0.005 ** 2 / (2 * STEP ** 2);

// Scratch: nothing in it outlives a call.
const rttSums = new Float64Array(RTT.count);
const perByteSums = new Float64Array(PER_BYTE.count);

/**
 * Cells before the next sample: what may have changed since the last one. An RTT that is drawn anew leaves the
 * uplink as it was, and the other way round, so each new part is a product of a prior and a marginal.
 *
 * @param cells  [RTT.count * PER_BYTE.count]
 * @param weight of these cells when everything is drawn anew
 */
export function mayHaveChanged(cells: Float32Array, prior: Prior, weight: number, into: Float32Array): void {
  const rows = rttSums.length;
  const columns = perByteSums.length;
  const { rtt, perByte } = prior;
  rttSums.fill(0);
  perByteSums.fill(0);
  addMarginals(cells, rttSums, perByteSums);
  const still = STAY * (1 - 4 * LEAK);
  const leak = STAY * LEAK;
  for (let row = 0; row < rows; row++) {
    const from = row * columns;
    // Beyond the border lies the border itself.
    const up = row === 0 ? 0 : columns;
    const down = row === rows - 1 ? 0 : columns;
    const newRtt = HAZARD.rtt * rtt[row]!;
    const newPerByte = HAZARD.perByte * rttSums[row]! + weight * HAZARD.both * rtt[row]!;
    let left = cells[from]!;
    let here = left;
    for (let column = 0, cell = from; column < columns; column++, cell++) {
      const right = column === columns - 1 ? here : cells[cell + 1]!;
      into[cell] =
        still * here +
        leak * (left + right + cells[cell - up]! + cells[cell + down]!) +
        newRtt * perByteSums[column]! +
        newPerByte * perByte[column]!;
      left = here;
      here = right;
    }
  }
}

/** Adds the cells' rows and columns. */
export function addMarginals(cells: Float32Array, rtt: Float64Array, perByte: Float64Array): void {
  const columns = perByte.length;
  for (let row = 0, cell = 0; row < rtt.length; row++) {
    let sum = 0;
    for (let column = 0; column < columns; column++) {
      const weight = cells[cell++]!;
      sum += weight;
      perByte[column]! += weight;
    }
    rtt[row]! += sum;
  }
}
