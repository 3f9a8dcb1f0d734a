import { costsOf, type ExitCosts, headMembers, latencyOf } from "#shared/evaluator";
import type { Conditions, Plan } from "#shared/model";

/** Times of a plan's head and tail by the profiles alone: what measured times are compared with. */
export function profiledMs(
  costs: readonly ExitCosts[],
  plan: Plan,
  conditions: Conditions,
): { readonly edgeMs: number; readonly cloudMs: number } {
  const exit = costsOf(costs, plan);
  if (exit === undefined) return { edgeMs: 0, cloudMs: 0 };
  const unscaled = { ...conditions, edgeScale: 1, cloudScale: 1 };
  return latencyOf(exit, headMembers(exit, plan.head), unscaled);
}

/** Time on the edge, by the profile alone, of the branches of early exits that were asked in vain. */
export function branchMs(costs: readonly ExitCosts[], branches: readonly string[], runs: number): number {
  const timeOf = (name: string): number => {
    const exit = costs.find(({ dag }) => dag.names.includes(name));
    return exit === undefined ? 0 : exit.edgeMs[exit.dag.names.indexOf(name)]!;
  };
  return runs * (costs[0]?.edgeFixedMs ?? 0) + branches.reduce((sum, name) => sum + timeOf(name), 0);
}
