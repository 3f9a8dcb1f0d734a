import type { Spread } from "#shared/model";
import { chanceOf } from "./normal.ts";

/** The quantile of `INSURANCE`, one-sided, of the normal distribution. */
export const INSURANCE_Z = 2.3263;
/** That of `INSURANCE_STAYS`. */
export const INSURANCE_STAYS_Z = 1.96;
/** What is missed less than once in 4,000 times counts as never missed. */
export const SURE_Z = 3.5;

/**
 * Chance of being in time by so many standard deviations, 0 and 1 at the far ends: falls with every millisecond and
 * byte more, as the time that anything takes surely does.
 *
 * A normal tail alone would not. With a mean m beyond the budget, more of a time x of relative spread s raises m by 1
 * and the standard deviation by at most s: while that is less than |z| times s below 1, the chance falls. Beyond, 1/s
 * deviations below the mean, a normal x would be less than no time at all, and what chance it leaves is none.
 *
 * @param leastZ see `leastDeviations`
 */
export function likelihood(z: number, leastZ: number): number {
  if (z >= SURE_Z) return 1;
  return z < leastZ ? 0 : chanceOf(z);
}

/** What an insurance that takes so long on average takes at most, with probability `INSURANCE`. */
export function latestMs(finishMs: number, edgeSpread: number): number {
  return finishMs * (1 + INSURANCE_Z * edgeSpread);
}

/** So many deviations late there is no chance left: the largest relative spread s of any part of the time makes it -1/s. */
export function leastDeviations({ edge, cloud, uplink, network }: Spread): number {
  return -1 / Math.max(edge, cloud, Math.hypot(uplink, network));
}
