import { allPolicies, type EarlySplit, earlySplits } from "./early.ts";
import { type Decide, inMode, type Known, leastBy } from "./policy.ts";

/** The setting of its evaluation. */
const NETWORK = { uplinkBps: 10e6, rttMs: 20, queueMs: 0 } as const;
/** Where a budget is asked for and no accuracy: a floor of one point below the full model. */
const FLOOR = 0.01;

/**
 * PORTEND (Ebrahimi et al., 2023): exits, their thresholds and the split by exhaustive search over a model of the whole
 * way, (de)serialisation, propagation, exit rates and the result's return included: least expected latency above a
 * floor of accuracy. Its search takes 21 s to 30 min, so it is done once, before anything runs: for its paper's network
 * of 10 Mbit/s and 20 ms, and the phone and service as they are known then.
 *
 * Its third tier is left out: there are two machines here.
 */
export function portend(): Decide {
  let fixed: EarlySplit | null = null;
  return (known) => {
    fixed ??= search(known);
    const { costs, head, early } = fixed;
    // The transport's headers may have changed since.
    const own =
      known.costs.find(({ exit, wire }) => exit === costs.exit && wire?.mode === costs.wire?.mode) ?? costs;
    return { costs: own, head, accuracy: fixed.accuracy, ...(early === undefined ? {} : { early }) };
  };
}

function search(known: Known): EarlySplit {
  const conditions = { ...known.conditions, ...NETWORK };
  const exits = inMode(known.costs, "plain");
  const splits = allPolicies(exits, known.policies).flatMap((policy) =>
    earlySplits(exits, policy, conditions),
  );
  const { objective } = known;
  const floor = objective.kind === "accuracy" ? (exits.at(-1)!.accuracy ?? 0) - FLOOR : objective.minAccuracy;
  const enough = splits.filter(({ accuracy }) => accuracy >= floor);
  return leastBy(enough.length > 0 ? enough : splits, ({ expectedMs }) => expectedMs);
}
