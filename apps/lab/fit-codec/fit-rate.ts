import { type LinearRate, symbolTable, TOTAL } from "#shared/codecs";

/** Symbols of one component: more would not fit a byte, and none comes near. */
const FARTHEST = 100;
/** A component of which this share is 0 is not told at all: what it would take buys less elsewhere. */
const SILENT = 0.98;

/**
 * Static tables for what a transform gives, when it is told in steps: by component, how often each number came. Numbers
 * that came never are taken for the nearest that did.
 *
 * @param along float32 [blocks, components]
 */
export function fitRate(along: Float32Array, components: number, step: number): LinearRate {
  const width = 2 * FARTHEST + 1;
  const counts = new Float64Array(components * width);
  for (let at = 0; at < along.length; at++) {
    const number = Math.max(-FARTHEST, Math.min(FARTHEST, Math.round(along[at]! / step)));
    counts[(at % components) * width + FARTHEST + number]!++;
  }
  const first = new Int16Array(components);
  const tables = Array.from({ length: components }, (_, component) => {
    const own = counts.subarray(component * width, (component + 1) * width);
    if (own[FARTHEST]! >= (SILENT * along.length) / components) return symbolTable([TOTAL]);
    let [low, high] = [FARTHEST, FARTHEST];
    for (let at = 0; at < width; at++) {
      if (own[at] === 0) continue;
      low = Math.min(low, at);
      high = Math.max(high, at);
    }
    first[component] = low - FARTHEST;
    return symbolTable(sharesOf(own.subarray(low, high + 1)));
  });
  return { step, first, tables };
}

/** The same for the components that are kept. */
export function keepComponents(rate: LinearRate, kept: readonly number[]): LinearRate {
  return {
    step: rate.step,
    first: Int16Array.from(kept, (component) => rate.first[component]!),
    tables: kept.map((component) => rate.tables[component]!),
  };
}

/** Integers of 1 or more that add up to `TOTAL`, as the counts do. */
function sharesOf(counts: Float64Array): number[] {
  const sum = counts.reduce((total, count) => total + count, 0);
  const spare = TOTAL - counts.length;
  const shares = Array.from(counts, (count) => 1 + Math.floor((count / sum) * spare));
  // What rounding left goes where it changes least.
  const most = shares.indexOf(Math.max(...shares));
  shares[most]! += TOTAL - shares.reduce((total, share) => total + share, 0);
  return shares;
}
