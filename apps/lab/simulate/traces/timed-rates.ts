import type { RateStep } from "../../rig/rate.ts";
import { amountOf, type Line, refuse } from "./trace-text.ts";

/** What a line of `timedRates` holds. */
export const TIMED_RATE = "SECONDS MBIT, a time and the bandwidth from then on";

/**
 * Lines of seconds and Mbit/s: each bandwidth holds until the next line's time, the last one as long as lines
 * usually do (the median). The first time is the beginning.
 */
export function timedRates(lines: readonly Line[]): readonly RateStep[] {
  const rows = lines.map((line) => {
    const columns = line.text.split(/\s+/);
    if (columns.length !== 2) refuse(line, TIMED_RATE, line.text || "an empty line");
    return {
      line,
      seconds: amountOf(line, "time in seconds", columns[0]),
      bps: amountOf(line, "bandwidth in Mbit/s", columns[1], 1e6),
    };
  });
  if (rows.length === 1) refuse(lines[0]!, "a second line behind it", "the end of the file");
  const durationsMs = rows.slice(1).map(({ line, seconds }, at) => {
    const before = rows[at]!.seconds;
    if (!(seconds > before)) refuse(line, `a time later than ${before} s`, `${seconds}`);
    return 1000 * (seconds - before);
  });
  const usualMs = [...durationsMs].sort((a, b) => a - b)[durationsMs.length >> 1]!;
  return rows.map(({ bps }, at) => ({ durationMs: durationsMs[at] ?? usualMs, bps }));
}
