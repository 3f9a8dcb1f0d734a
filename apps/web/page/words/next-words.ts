import type { ModelSummary } from "../../talk/edge.ts";
import type { PlanSummary } from "../../talk/optimizer.ts";
import { formatBytes, formatMs, formatOf100 } from "./format.ts";
import { TEXTS } from "./texts.ts";
import { wayOf } from "./way.ts";

/** What the next photo will send, before it does, and of what was asked for what cannot be had. */
export function nextWords(plans: PlanSummary | null, model: ModelSummary | null): string {
  if (plans === null || model === null) return TEXTS.measuring;
  const { plan, prediction, load, sentBytes } = plans;
  if (plan === null || prediction === null) return "Nothing can answer yet: no cloud, and no model here.";
  const way = wayOf(plan, model);
  const about = sendingWords(way, sentBytes, plan.early !== undefined);
  if (load?.mode === "overload")
    return `${about} At most ${load.sustainableFps.toPrecision(2)} photos a second.`;
  return `${about}${reservation(plans)}`;
}

function sendingWords(way: ReturnType<typeof wayOf>, bytes: number, mayBeSure: boolean): string {
  if (way === "all-cloud") return `Next photo goes to the cloud whole, ${formatBytes(bytes)}.`;
  if (way === "split")
    return `Next photo sends a ${formatBytes(bytes)} extract, ${mayBeSure ? "or nothing if sure" : "not the photo"}.`;
  return "Next photo stays on your phone.";
}

/** What of the wish is not granted. */
function reservation({ prediction, minAccuracy }: PlanSummary): string {
  if (prediction === null || prediction.feasible) return "";
  if (minAccuracy === null)
    return ` Nothing surely keeps your limit; this takes about ${formatMs(prediction.totalMs)}.`;
  if (prediction.accuracy === null) return " How exact it is was never measured.";
  const most = formatOf100(prediction.accuracy);
  return ` Right in ${most} of 100 is the most there is now; ${formatOf100(minAccuracy)} was asked for.`;
}
