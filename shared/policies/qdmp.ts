import type { ExitCosts } from "#shared/evaluator";
import { MinCutPlanner } from "#shared/optimizer";
import { type Decide, lastExit } from "./policy.ts";

/**
 * QDMP (Zhang et al., "Towards real-time cooperative deep inference over the cloud and edge end devices", IMWUT 2020):
 * the exact minimum cut of the whole model, found inside one block between cut vertices. No exits, no budget.
 *
 * Only its abstract could be read. Not known: whether RTT and queue count; here they do, so this is the best plan
 * there is without exits, of mean latency and of the codecs measured to be best.
 */
export function qdmp(): Decide {
  let kept: { readonly costs: ExitCosts; readonly planner: MinCutPlanner } | null = null;
  return (known) => {
    const costs = lastExit(known);
    if (kept?.costs !== costs) kept = { costs, planner: new MinCutPlanner(costs) };
    return { costs, head: kept.planner.plan(known.conditions)!.head };
  };
}
