import { EddiError } from "#shared/errors";
import type { RateStep } from "../../rig/rate.ts";
import { meanBps } from "./statistics.ts";
import type { Trace } from "./trace.ts";

/** How a trace is played. */
export interface Playback {
  /** Where it begins, in ms into the trace, which goes on from its beginning after its end. */
  readonly startMs?: number;
  /** What its mean is brought to, as multiples of itself; as it was recorded where absent. */
  readonly meanBps?: number;
  /** No step carries less; 0 where absent. */
  readonly leastBps?: number;
}

/**
 * The steps of a trace from some moment on, once round, for `capacityOf`.
 *
 * @throws EddiError `bad-argument` for a start before the beginning or a mean of 0
 */
export function playTrace(trace: Trace, playback: Playback = {}): readonly RateStep[] {
  const { startMs = 0, meanBps: wanted, leastBps = 0 } = playback;
  if (!(startMs >= 0 && Number.isFinite(startMs))) refuse("startMs", "0 or above", startMs);
  if (wanted !== undefined && !(wanted > 0 && Number.isFinite(wanted))) refuse("meanBps", "above 0", wanted);
  const scale = wanted === undefined ? 1 : wanted / meanBps(trace);
  const steps = trace.steps.map(({ durationMs, bps }) => ({
    durationMs,
    bps: Math.max(leastBps, bps * scale),
  }));
  let into = startMs % trace.durationMs;
  const at = steps.findIndex(({ durationMs }) => {
    if (into < durationMs) return true;
    into -= durationMs;
    return false;
  });
  // Sums of durations are rounded: what lies on the very end is the beginning.
  if (at < 0 || (at === 0 && into === 0)) return steps;
  const { durationMs, bps } = steps[at]!;
  const before = into > 0 ? [{ durationMs: into, bps }] : [];
  return [{ durationMs: durationMs - into, bps }, ...steps.slice(at + 1), ...steps.slice(0, at), ...before];
}

function refuse(name: string, expected: string, came: number): never {
  throw new EddiError("bad-argument", `${name}: expected a number ${expected}, got ${came}`);
}
