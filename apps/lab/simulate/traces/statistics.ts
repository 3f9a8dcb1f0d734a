import type { Trace } from "./trace.ts";

export interface TraceStatistics {
  /** Over time: all bits by the whole duration. */
  readonly meanBps: number;
  readonly medianBps: number;
  /** Coefficient of variation: standard deviation by mean. */
  readonly cv: number;
  /** Share of the seconds with less than a tenth of the median, 0..1. */
  readonly belowTenthOfMedian: number;
  /** Seconds on end with less than 100 kbit/s, at most. */
  readonly longestOutageS: number;
}

const OUTAGE_BPS = 1e5;

/** What a trace is like, second by second: all but the mean are of the bandwidths in the middle of each second. */
export function traceStatistics(trace: Trace): TraceStatistics {
  const seconds = bySecond(trace);
  const count = seconds.reduce((sum, { times }) => sum + times, 0);
  const mean = (of: (bps: number) => number): number =>
    seconds.reduce((sum, { bps, times }) => sum + times * of(bps), 0) / count;
  const centre = mean((bps) => bps);
  const medianBps = medianOf(seconds, count);
  return {
    meanBps: meanBps(trace),
    medianBps,
    cv: centre === 0 ? 0 : Math.sqrt(mean((bps) => (bps - centre) ** 2)) / centre,
    belowTenthOfMedian: mean((bps) => (bps < medianBps / 10 ? 1 : 0)),
    longestOutageS: longestRun(seconds, OUTAGE_BPS),
  };
}

export function meanBps({ steps, durationMs }: Trace): number {
  return steps.reduce((sum, step) => sum + step.durationMs * step.bps, 0) / durationMs;
}

/** Equal seconds on end. */
interface Run {
  readonly bps: number;
  readonly times: number;
}

/** As many seconds as the duration rounds to, one at least; the last step also holds for what that adds. */
function bySecond({ steps, durationMs }: Trace): readonly Run[] {
  const all = Math.max(1, Math.round(durationMs / 1000));
  let done = 0;
  let endMs = 0;
  return steps.flatMap((step, at) => {
    endMs += step.durationMs;
    // Middles at 500 ms, 1500 ms and so on that lie before the end.
    const until = at === steps.length - 1 ? all : Math.min(all, Math.ceil(endMs / 1000 - 0.5));
    const times = Math.max(0, until - done);
    done += times;
    return times > 0 ? [{ bps: step.bps, times }] : [];
  });
}

function medianOf(seconds: readonly Run[], count: number): number {
  const sorted = [...seconds].sort((a, b) => a.bps - b.bps);
  const nth = (rank: number): number => {
    let passed = 0;
    return sorted.find(({ times }) => {
      passed += times;
      return passed > rank;
    })!.bps;
  };
  return (nth(Math.floor((count - 1) / 2)) + nth(Math.floor(count / 2))) / 2;
}

function longestRun(seconds: readonly Run[], below: number): number {
  let [longest, length] = [0, 0];
  for (const { bps, times } of seconds) {
    length = bps < below ? length + times : 0;
    longest = Math.max(longest, length);
  }
  return longest;
}
