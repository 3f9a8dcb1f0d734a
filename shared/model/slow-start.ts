import type { Conditions } from "./conditions.ts";

/** What TCP sends at once after a pause: 10 segments (RFC 6928). */
export const FIRST_WINDOW_BYTES = 10 * 1448;

/** Pauses that are surely longer than a retransmission timeout, after which Linux begins anew (cubic, not bbr). */
export const RESTART_PAUSE_MS = 1000;

/** How many round trips a request takes: one, and what slow start adds where it begins anew. */
export function roundTrips(bytes: number, { rttMs, uplinkBps, restarts = 0 }: RestartConditions): number {
  if (restarts === 0 || bytes <= FIRST_WINDOW_BYTES || rttMs <= 0) return 1;
  return 1 + restarts * slowStartShare(bytes, (8000 * FIRST_WINDOW_BYTES) / uplinkBps / rttMs);
}

/**
 * The same for one link after another: a step for each round, without a loop over them for each request.
 *
 * @param beyond written: by step the bytes beyond which it counts
 * @param trips  written: by step the round trips then
 * @returns how many steps there are
 */
export function tripSteps(
  { rttMs, uplinkBps, restarts = 0 }: RestartConditions,
  beyond: Float64Array,
  trips: Float64Array,
): number {
  if (restarts === 0 || rttMs <= 0) return 0;
  let count = 0;
  let sent = FIRST_WINDOW_BYTES;
  let own = 1;
  const windowShare = (8000 * FIRST_WINDOW_BYTES) / uplinkBps / rttMs;
  for (let round = windowShare; round < 1 && count < beyond.length; round *= 2) {
    own += restarts * (1 - round);
    beyond[count] = sent;
    trips[count++] = own;
    sent = 2 * sent + FIRST_WINDOW_BYTES;
  }
  return count;
}

type RestartConditions = Pick<Conditions, "rttMs" | "uplinkBps" | "restarts">;

/**
 * The classical latency of slow start, as a multiple of the RTT. The window doubles in every round; after a
 * round the sender stands still until the first acknowledgement is back, unless sending took longer.
 *
 * ```
 * sum over the rounds k before the last of max(0, rtt - windowMs * 2^k)
 * ```
 *
 * @param windowShare time of the first window on the uplink over the RTT
 */
export function slowStartShare(bytes: number, windowShare: number): number {
  let share = 0;
  let sent = FIRST_WINDOW_BYTES;
  for (let round = windowShare; sent < bytes && round < 1; round *= 2) {
    share += 1 - round;
    sent = 2 * sent + FIRST_WINDOW_BYTES;
  }
  return share;
}
