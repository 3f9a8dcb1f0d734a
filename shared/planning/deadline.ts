import type { Finish, Prediction } from "./planning.ts";

/**
 * A link may die without a word. Where no budget and no prediction say anything sooner, this long after the
 * image's arrival nobody waits for the cloud any more.
 */
export const DEAD_LINK_MS = 10_000;

/** One-sided 95 % quantile of the normal distribution. */
const Z95 = 1.645;

/**
 * When to stop waiting for the cloud and finish on the edge, in milliseconds from the image's arrival.
 *
 * The time that finishing takes, before the end of the budget: of the best exit that leaves the cloud its
 * time, else of the fastest. But never before the reply is late: starting sooner would run every image
 * twice where budgets are tight. A lost reply may then overrun the budget by the finish, at most.
 *
 * @param sentMs     when the request is sent, from the image's arrival
 * @param prediction null when nothing is known, or for a plan that the caller insists on
 * @param finish     of the exits that the edge can finish at, earliest first
 */
export function deadlineMs(
  budgetMs: number,
  sentMs: number,
  prediction: Pick<Prediction, "latency" | "sdMs"> | null,
  finish: readonly Finish[],
): number {
  if (prediction === null) return Math.max(budgetMs, DEAD_LINK_MS);
  const { latency, sdMs } = prediction;
  const remoteMs = latency.totalMs - latency.edgeMs;
  const lateMs = sentMs + Math.min(remoteMs + Z95 * sdMs, 2 * remoteMs + 100);
  const local = localExit(finish, budgetMs - lateMs);
  const wantedMs = Math.max(budgetMs - (local?.finishMs ?? 0), lateMs);
  return Math.min(wantedMs, Math.max(DEAD_LINK_MS, lateMs));
}

/** The best exit that can be reached in the time left, else the fastest; null when there is none. */
export function localExit(finish: readonly Finish[], leftMs: number): Finish | null {
  const inTime = finish.findLast(({ finishMs }) => finishMs <= leftMs);
  return inTime ?? [...finish].sort((a, b) => a.finishMs - b.finishMs)[0] ?? null;
}
