import { allPolicies, earlySplits } from "./early.ts";
import { type Decide, inMode, leastBy } from "./policy.ts";

/**
 * SPINN (Laskaridis et al., MobiCom 2020): threshold of the early exits and split of the chain chosen together at run
 * time, from the bandwidth and the loads of the moment, for what the user ranks first: here the most accurate whose
 * expected latency keeps the budget, or the fastest that is accurate enough.
 *
 * Only its abstract could be read. Not known: the objective's exact form, whether RTT counts (here it does), and how
 * its compression (8 bits, shuffled, LZ4) compares: here tensors go deflated or not, as is faster. Expected latencies
 * are means: nothing is kept for their scatter. What its local exits are when the server is lost is insurance here.
 */
export const spinn: Decide = (known) => {
  const { objective, conditions, lead } = known;
  const splits = [inMode(known.costs, "plain"), inMode(known.costs, "deflate")].flatMap((exits) =>
    allPolicies(exits, known.policies).flatMap((policy) => earlySplits(exits, policy, conditions)),
  );
  const wanted = splits.filter(({ accuracy, expectedMs }) =>
    objective.kind === "accuracy"
      ? lead.ms + expectedMs <= objective.budgetMs
      : accuracy >= objective.minAccuracy,
  );
  if (wanted.length === 0) return leastBy(splits, ({ expectedMs }) => expectedMs);
  if (objective.kind !== "accuracy") return leastBy(wanted, ({ expectedMs }) => expectedMs);
  const most = Math.max(...wanted.map(({ accuracy }) => accuracy));
  return leastBy(
    wanted.filter(({ accuracy }) => accuracy === most),
    ({ expectedMs }) => expectedMs,
  );
};
