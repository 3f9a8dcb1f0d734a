import { type ExitCosts, latencyOf } from "#shared/evaluator";
import type { Conditions } from "#shared/model";
import { chainHeads } from "./chain.ts";
import { type Decide, lastExit, leastBy } from "./policy.ts";

/** The 4G that partitioning papers use (DADS): uplink 5.85 Mbit/s; RTT and downlink of a usual 4G. */
const NOMINAL = { uplinkBps: 5.85e6, downlinkBps: 13.76e6, rttMs: 50, queueMs: 0 } as const;

/**
 * A split that was fixed when the app was built, as LcDNN and DeepAdapter have it: inside the full model, where it was
 * best for a usual phone and a usual 4G.
 */
export function staticSplit(): Decide {
  let fixed: { readonly exit: string; readonly names: string } | null = null;
  return (known) => {
    const costs = lastExit(known);
    fixed ??= splitOf(costs, { ...known.conditions, ...NOMINAL });
    const names = new Set(fixed.names.split(" "));
    return { costs, head: costs.dag.names.map((name) => names.has(name)) };
  };
}

function splitOf(
  costs: ExitCosts,
  conditions: Conditions,
): { readonly exit: string; readonly names: string } {
  const inner = chainHeads(costs).slice(1, -1);
  const heads = inner.length > 0 ? inner : chainHeads(costs).slice(0, 1);
  const head = leastBy(heads, (one) => latencyOf(costs, one, conditions).totalMs);
  return { exit: costs.exit, names: costs.dag.names.filter((_, node) => head[node]).join(" ") };
}
