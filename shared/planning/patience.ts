import { likelihood } from "#shared/optimizer";
import { DEAD_LINK_MS } from "./race.ts";

/** What is known of a reply when it is asked for; milliseconds from then on. */
export interface Awaited {
  readonly remoteMs: number;
  readonly sdMs: number;
  /** Share of replies that stall. */
  readonly late: number;
}

/**
 * How long a reply is waited for before the edge works for an answer of its own, where an engine at work lets no reply in:
 * what is waited for then is the work's end, so to begin too early costs all of it, and to begin too late the wait before.
 * The wait w of least expected latency:
 *
 *   integral of P(reply later than t) for t from 0 to w, and P(reply later than w) * finishMs
 *
 * Replies are normal but for those that stall. How long a stall lasts nobody has seen: it ends anywhere on a logarithmic
 * scale, from 3.5 deviations on, until a link is taken for dead.
 *
 * @param finishMs what the edge takes
 */
export function patienceMs({ remoteMs, sdMs, late }: Awaited, finishMs: number): number {
  const stalledMs = Math.max(1, remoteMs + FAR_Z * sdMs);
  const stalls = Math.log(DEAD_LINK_MS / stalledMs);
  const later = (ms: number): number => {
    const core =
      sdMs > 0 ? likelihood((remoteMs - ms) / sdMs, Number.NEGATIVE_INFINITY) : Number(ms < remoteMs);
    const stalled = ms <= stalledMs ? 1 : stalls > 0 ? Math.max(0, Math.log(DEAD_LINK_MS / ms)) / stalls : 0;
    return (1 - late) * core + late * stalled;
  };
  let best = { waitMs: 0, ms: finishMs };
  let fromMs = 0;
  let waitedMs = 0;
  for (const waitMs of waits(remoteMs, sdMs, stalledMs)) {
    if (waitMs <= fromMs) continue;
    waitedMs += ((waitMs - fromMs) * (later(fromMs) + later(waitMs))) / 2;
    fromMs = waitMs;
    const ms = waitedMs + later(waitMs) * finishMs;
    if (ms < best.ms) best = { waitMs, ms };
  }
  return best.waitMs;
}

/** Deviations off that are far: replies beyond have stalled. */
const FAR_Z = 3.5;

/** Waits that are tried, rising: by quarters of a deviation about the reply, then on a logarithmic scale. */
function* waits(remoteMs: number, sdMs: number, stalledMs: number): Generator<number> {
  for (let z = -FAR_Z; z <= FAR_Z; z += 0.25) yield remoteMs + z * sdMs;
  for (let ms = 1.1 * stalledMs; ms < DEAD_LINK_MS; ms *= 1.1) yield ms;
}
