import { calibrated, exitById, type Model } from "#shared/model";
import type { Answer } from "../../talk/edge.ts";

/** What an exit's scores say: the likeliest label, and how likely each is. */
export function labelled(
  { metadata }: Model,
  { exit, scores }: { readonly exit: string; readonly scores: Float32Array },
): Pick<Answer, "exit" | "label" | "confidence" | "probabilities"> {
  const probabilities = calibrated(scores, exitById(metadata, exit).temperature ?? 1);
  const best = scores.indexOf(Math.max(...scores));
  return { exit, label: metadata.labels[best]!, confidence: probabilities[best]!, probabilities };
}
