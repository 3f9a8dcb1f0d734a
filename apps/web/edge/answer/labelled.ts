import { exitById, type Model, readScores } from "#shared/model";
import type { Answer } from "../../talk/edge.ts";

/** What an exit's scores say: the label, and how likely each is. */
export function labelled(
  { metadata }: Model,
  { exit, scores }: { readonly exit: string; readonly scores: Float32Array },
): Pick<Answer, "exit" | "label" | "confidence" | "probabilities"> {
  const { label, confidence, chances } = readScores(metadata.labels, exitById(metadata, exit), scores);
  return { exit, label, confidence, probabilities: chances };
}
