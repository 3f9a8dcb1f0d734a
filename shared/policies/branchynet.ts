import { NO_SPREAD } from "#shared/model";
import { earlySplits } from "./early.ts";
import { allEdgeHead, type Decide, inMode, type Known, leastBy } from "./policy.ts";

/** So much of the full model's top-1 the thresholds may cost: half a point. */
const TOLERATED = 0.005;

/**
 * BranchyNet (Teerapittayanon et al., ICPR 2016) on the phone: every branch answers when it is sure, the full model
 * otherwise. Thresholds are fixed beforehand: those of least expected work that lose at most half a point. No budget.
 *
 * It asks by entropy, here by calibrated confidence, which the recorded verdicts hold. Where a model has no policies
 * it is the full model.
 */
export const branchyNet: Decide = (known) => {
  const exits = inMode(known.costs, "plain");
  const last = exits.at(-1)!;
  const least = (last.accuracy ?? 0) - TOLERATED;
  const wanted = known.policies.filter(({ exit, accuracy }) => exit === last.exit && accuracy >= least);
  const found = wanted.flatMap((policy) => earlySplits(exits, policy, ONE).slice(-1));
  if (found.length === 0) return { costs: last, head: allEdgeHead(last) };
  return leastBy(found, ({ expectedMs }) => expectedMs);
};

/** The phone as it was profiled: thresholds do not follow conditions. */
const ONE: Known["conditions"] = {
  rttMs: 0,
  uplinkBps: 1,
  downlinkBps: 1,
  edgeScale: 1,
  cloudScale: 1,
  queueMs: 0,
  spread: NO_SPREAD,
};
