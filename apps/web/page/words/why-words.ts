import type { Alternative } from "#shared/planning";
import type { Answer, ModelSummary } from "../../talk/edge.ts";
import type { PlanSummary } from "../../talk/optimizer.ts";
import { formatBytes, formatMs } from "./format.ts";
import { TEXTS } from "./texts.ts";
import { layersOf, neededFor, type WayKind, wayOf } from "./way.ts";

/** Runners-up that a sentence tells of. */
const MOST_OTHERS = 2;
/** Accuracies closer than this are as good as each other: a twentieth of a point. */
const SAME = 0.0005;

/**
 * Why an answer came from where it came: who did what and what was sent, then what the runners-up would have cost.
 *
 * @param asked what was planned when the image was asked about; null when nothing was
 */
export function whyWords(answer: Answer, asked: PlanSummary | null, model: ModelSummary): string {
  return [didWords(answer, model), ...othersOf(answer, asked, model).map(otherWords)].join(" ");
}

/** Who did what, and what was sent. */
function didWords(answer: Answer, model: ModelSummary): string {
  const { source, here, requestBytes, asked, exit } = answer;
  const { done, all } = layersOf(model, here);
  const sent = formatBytes(requestBytes);
  if (source === "fallback") {
    return `The cloud did not answer in time, so your phone finished with its backup answer; ${sent} were sent in vain.`;
  }
  if (source === "cloud") {
    const isLast = exit === model.exits.at(-1)!.id;
    const { done: last } = layersOf(model, neededFor(exit, model));
    if (here.length > 0) {
      const rest = isLast ? "did the rest" : `went on and answered after layer ${last}`;
      return `Your phone did ${done} of ${all} layers and sent ${sent}; the cloud ${rest}.`;
    }
    const way = isLast ? "did all of it" : `answered early, after ${last} of ${all} layers`;
    return `The cloud ${way}; it got the photo itself, ${sent}.`;
  }
  const sure = asked.at(-1);
  if (sure?.exit === exit) return `Your phone was sure after ${done} of ${all} layers, so nothing was sent.`;
  if (exit === model.exits.at(-1)!.id) return "Your phone did all of it; nothing was sent.";
  return `Your phone answered early, after ${done} of ${all} layers; nothing was sent.`;
}

/** A way that was not taken, and the one reason why. */
export interface Other {
  readonly kind: Alternative["kind"];
  readonly totalMs: number;
  readonly reason: string;
}

function otherWords({ kind, totalMs, reason }: Other): string {
  return `${TEXTS.alone[kind]}: ${formatMs(totalMs)}, ${reason}.`;
}

/** The runners-up that matter most: the whole model in one place goes first. */
function othersOf(answer: Answer, asked: PlanSummary | null, model: ModelSummary): readonly Other[] {
  if (asked === null) return [];
  const taken = wayOf(answer.plan, model);
  const order: readonly WayKind[] = ["all-edge", "all-cloud", "early-edge"];
  return asked.alternatives
    .filter(({ kind }) => kind !== taken)
    .sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind))
    .slice(0, MOST_OTHERS)
    .map(({ kind, prediction }) => ({
      kind,
      totalMs: prediction.totalMs,
      reason: reasonOf(prediction, asked),
    }));
}

/** Why a way is not the plan's. */
export function reasonOf(
  { totalMs, feasible, accuracy }: Alternative["prediction"],
  { prediction: chosen, budgetMs, minAccuracy }: PlanSummary,
): string {
  if (minAccuracy !== null && (accuracy ?? 0) < minAccuracy) return "not exact enough";
  if (minAccuracy === null && totalMs > budgetMs) return TEXTS.late;
  if (!feasible) return "too close to your limit";
  if (chosen === null) return "not chosen";
  const isLess = accuracy !== null && chosen.accuracy !== null && accuracy < chosen.accuracy - SAME;
  if (isLess && minAccuracy === null) return "less exact";
  return totalMs > chosen.totalMs ? "slower" : "as good";
}
