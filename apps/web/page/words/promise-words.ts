import type { ModelSummary } from "../../talk/edge.ts";
import type { PlanSummary } from "../../talk/optimizer.ts";
import { exitName, formatMs, formatPercent } from "./format.ts";

/** What the plan for the next image promises, and of what was asked for what it cannot. */
export function promiseWords(plans: PlanSummary | null, exits: ModelSummary["exits"] | null): string {
  if (plans === null || exits === null) return "measuring this device and the network…";
  const { plan, prediction, load } = plans;
  if (plan === null || prediction === null) return "no cloud, and no weights here yet";
  const exit = exits.findIndex(({ id }) => id === plan.exit) + 1;
  const about = `next: ${exitName(exit, exits.length)} in about ${formatMs(prediction.totalMs)}`;
  if (load?.mode === "overload") return `${about}; at most ${load.sustainableFps.toPrecision(2)} frames/s`;
  const mean =
    plan.early === undefined
      ? about
      : `${about}; ${formatMs(prediction.expectedMs)} on average, since sure exits answer early`;
  return `${mean}${reservation(plans)}`;
}

/** What of the wish is not granted. */
function reservation({ prediction, minAccuracy }: PlanSummary): string {
  if (prediction === null || prediction.feasible) return "";
  if (minAccuracy === null) return ", which is the fastest there is";
  const asked = `; a top-1 of ${formatPercent(minAccuracy)} was asked for`;
  if (prediction.accuracy === null) return `${asked}, but no exit was measured`;
  return `${asked}, ${formatPercent(prediction.accuracy)} is the most there is now`;
}
