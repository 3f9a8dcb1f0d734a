import { type ExitCosts, latencyOf } from "#shared/evaluator";
import { allEdgeHead, type Decide, inMode, type Known, lastExit, leastBy } from "./policy.ts";

/** The trivial one without exits: the full model on the phone, whatever it takes. */
export const edgeOnlyLast: Decide = (known) => {
  const costs = lastExit(known);
  return { costs, head: allEdgeHead(costs) };
};

/** One-sided 95 % quantile of the normal distribution. */
const Z95 = 1.645;

/**
 * The trivial one with exits: the best exit that fits, on the phone. An exit fits when the budget holds with
 * probability 0.95, the scatter of the phone's own times counted; if none does, the fastest. Where an accuracy is
 * asked for: the fastest that has it.
 */
export const edgeOnly: Decide = (known) => {
  const exits = inMode(known.costs, "plain");
  const costs = known.objective.kind === "accuracy" ? bestThatFits(exits, known) : fastestOf(exits, known);
  return { costs, head: allEdgeHead(costs) };
};

function bestThatFits(exits: readonly ExitCosts[], known: Known): ExitCosts {
  const { objective, lead, conditions } = known;
  const budgetMs = objective.kind === "accuracy" ? objective.budgetMs : Number.POSITIVE_INFINITY;
  const fits = exits.filter((exit) => {
    const ms = edgeMs(exit, known);
    return lead.ms + ms + Z95 * Math.hypot(lead.sdMs, ms * conditions.spread.edge) <= budgetMs;
  });
  // Of equal accuracy the earlier one.
  return fits.length === 0 ? fastestOf(exits, known) : leastBy(fits, (exit) => -rankOf(exit));
}

function fastestOf(exits: readonly ExitCosts[], known: Known): ExitCosts {
  const { objective } = known;
  const floor = objective.kind === "accuracy" ? 0 : objective.minAccuracy;
  const enough = exits.filter(({ accuracy }) => (accuracy ?? 0) >= floor);
  if (enough.length === 0) return leastBy(exits, (exit) => -rankOf(exit));
  return leastBy(enough, (exit) => edgeMs(exit, known));
}

function edgeMs(exit: ExitCosts, { conditions }: Known): number {
  return latencyOf(exit, allEdgeHead(exit), conditions).edgeMs;
}

/** Accuracies are measured of all exits or of none. */
function rankOf({ accuracy, position }: ExitCosts): number {
  return accuracy ?? position;
}
