import { type Axis, STEP } from "./lattice.ts";

/**
 * The typical value of a marginal distribution on the lattice, finer than its step: the median, then the mean
 * about it. The median keeps to the likelier of two modes, and on a ridge (all requests of one size) medians
 * of both parameters still add up to what was measured; the mean about it sees through the lattice when all
 * the weight lies on a few cells.
 *
 * @param marginal adds up to 1
 * @returns a logarithm
 */
export function centreOf(axis: Axis, marginal: Float64Array): number {
  const median = quantileOf(axis, marginal, 0.5);
  let weight = 0;
  let moment = 0;
  for (let at = 0; at < axis.count; at++) {
    const offset = axis.from + at * STEP - median;
    const kernel = Math.max(0, 1 - Math.abs(offset) / REACH) * marginal[at]!;
    weight += kernel;
    moment += kernel * offset;
  }
  return weight > 0 ? median + moment / weight : median;
}

const REACH = 4 * STEP;

/** The logarithm below which that share of the weight lies; every cell's weight is spread over one step. */
function quantileOf({ from, count }: Axis, marginal: Float64Array, share: number): number {
  let below = 0;
  for (let at = 0; at < count; at++) {
    const weight = marginal[at]!;
    if (below + weight >= share) return from + (at - 0.5 + (share - below) / weight) * STEP;
    below += weight;
  }
  return from + (count - 0.5) * STEP;
}

/** Half the distance between the quantiles that lie a standard deviation off the median: blind to far modes. */
export function sdOf(axis: Axis, marginal: Float64Array): number {
  return (quantileOf(axis, marginal, 0.8413) - quantileOf(axis, marginal, 0.1587)) / 2;
}
