import { normalShare } from "../chance/normal.ts";
import { type Quantiles, quantileAt } from "../chance/quantiles.ts";
import { seedOf } from "../chance/seeds.ts";
import { Series } from "../chance/series.ts";
import type { RttSample } from "../traces/trace.ts";

/** How long a small message is on its way and back, by when it is sent. */
export type RttSource =
  | { readonly kind: "constant"; readonly rttMs: number }
  /** Measured one after the other, each true until the next; from the beginning again after `durationMs`. */
  | { readonly kind: "series"; readonly samples: readonly RttSample[]; readonly durationMs: number }
  /** Drawn once a second, correlated by 0.7; quantiles in ms. */
  | { readonly kind: "distribution"; readonly rttMs: Quantiles };

const SECOND_MS = 1000;
const CORRELATION = 0.7;

/** @returns milliseconds by time */
export function rttOver(source: RttSource, seed: number): (ms: number) => number {
  switch (source.kind) {
    case "constant":
      return () => source.rttMs;
    case "series": {
      const { samples, durationMs } = source;
      return (ms) => samples[lastAtMost(samples, ms % durationMs)]!.rttMs;
    }
    case "distribution": {
      const series = new Series(seedOf(seed, "rtt"), SECOND_MS, CORRELATION);
      return (ms) => quantileAt(source.rttMs, normalShare(series.at(ms)));
    }
  }
}

/** Before the first sample the first one holds. */
function lastAtMost(samples: readonly RttSample[], ms: number): number {
  let [low, high] = [0, samples.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (samples[middle]!.atMs <= ms) low = middle;
    else high = middle - 1;
  }
  return low;
}
