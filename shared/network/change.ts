import { type Layer, STEP } from "./lattice.ts";

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

/**
 * Cells before the next sample: what may have changed since the last one. An RTT that is drawn anew leaves the
 * uplink as it was, and the other way round, so each new part is a product of a prior and a marginal.
 *
 * @param weight of these cells when everything is drawn anew
 * @param into   [RTT.count * PER_BYTE.count]
 */
export function mayHaveChanged(layer: Layer, prior: Prior, weight: number, into: Float32Array): void {
  const { cells, rtt: rttSums, perByte: perByteSums } = layer;
  const { rtt, perByte } = prior;
  const rows = rttSums.length;
  const columns = perByteSums.length;
  const still = STAY * (1 - 4 * LEAK);
  const leak = STAY * LEAK;
  for (let row = 0; row < rows; row++) {
    const from = row * columns;
    // Beyond the border lies the border itself.
    const up = row === 0 ? 0 : columns;
    const down = row === rows - 1 ? 0 : columns;
    const newRtt = HAZARD.rtt * rtt[row]!;
    const newPerByte = HAZARD.perByte * rttSums[row]! + weight * HAZARD.both * rtt[row]!;
    const last = columns - 1;
    let left = cells[from]!;
    let here = left;
    for (let column = 0, cell = from; column < columns; column++, cell++) {
      const right = column === last ? here : cells[cell + 1]!;
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
