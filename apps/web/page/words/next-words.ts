import type { ModelSummary } from "../../talk/edge.ts";
import type { Imagined, PlanSummary } from "../../talk/optimizer.ts";
import { formatBytes, formatMs, formatOf100 } from "./format.ts";
import { TEXTS } from "./texts.ts";
import { type WayKind, wayOf } from "./way.ts";

/**
 * What the next photo will send, before it does, and of what was asked for what cannot be had.
 *
 * @param own the split that the user has chosen: the photo goes that way, and to compare it the other one as well
 */
export function nextWords(
  plans: PlanSummary | null,
  model: ModelSummary | null,
  own: Pick<Imagined, "plan" | "sentBytes"> | null = null,
): string {
  if (plans === null || model === null) return TEXTS.measuring;
  if (own !== null && own.plan !== null) {
    const first = sendingWords("Next photo", wayOf(own.plan, model), own.sentBytes, false);
    if (plans.plan === null || plans.sentBytes === 0) return first;
    const { plan: other, sentBytes: bytes } = plans;
    return `${first} ${sendingWords("To compare, it also", wayOf(other, model), bytes, other.early !== undefined)}`;
  }
  const { plan, prediction, load, sentBytes } = plans;
  if (plan === null || prediction === null) return "Nothing can answer yet: no cloud, and no model here.";
  const way = wayOf(plan, model);
  const about = sendingWords("Next photo", way, sentBytes, plan.early !== undefined);
  if (load?.mode === "overload")
    return `${about} At most ${load.sustainableFps.toPrecision(2)} photos a second.`;
  return `${about}${reservation(plans)}`;
}

/** @param what it is that is sent */
function sendingWords(what: string, way: WayKind, bytes: number, mayBeSure: boolean): string {
  if (way === "all-cloud") return `${what} goes to the cloud whole, ${formatBytes(bytes)}.`;
  if (way === "split")
    return `${what} sends a ${formatBytes(bytes)} extract, ${mayBeSure ? "or nothing if sure" : "not the photo"}.`;
  return `${what} stays on your phone.`;
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
