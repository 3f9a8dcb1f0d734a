import { latencyOf } from "#shared/evaluator";
import { chainHeads } from "./chain.ts";
import { type Decide, type Found, inMode, leastBy } from "./policy.ts";

/**
 * Edgent (Li et al., MECOMM 2018; TWC 2020): the deepest exit whose best split of a chain keeps the budget, by the
 * bandwidth of the moment; means, no RTT, no queue. If none keeps it, the fastest (the paper leaves that open).
 *
 * In the paper the server runs the first part and the device the rest, so that every split but device-only uploads the
 * image; here as everybody has it since, the device first. Not known: the TWC version's map from bandwidth states to
 * configurations; where no budget is given the deepest exit that is accurate enough is taken.
 */
export const edgent: Decide = (known) => {
  const { objective, lead } = known;
  const conditions = { ...known.conditions, rttMs: 0, queueMs: 0, downlinkBps: Number.POSITIVE_INFINITY };
  const splits = [...inMode(known.costs, "plain")]
    .sort((a, b) => b.position - a.position)
    .map((costs) => {
      const timed = chainHeads(costs).map((head) => ({
        head,
        ms: latencyOf(costs, head, conditions).totalMs,
      }));
      return { costs, ...leastBy(timed, ({ ms }) => ms) };
    });
  if (objective.kind !== "accuracy") return accurateEnough(splits, objective.minAccuracy);
  const found = splits.find(({ ms }) => lead.ms + ms <= objective.budgetMs);
  return found ?? leastBy(splits, ({ ms }) => ms);
};

function accurateEnough(splits: readonly (Found & { readonly ms: number })[], least: number): Found {
  const enough = splits.filter(({ costs }: Found) => (costs.accuracy ?? 0) >= least);
  return enough.length === 0 ? splits[0]! : leastBy(enough, ({ ms }) => ms);
}
