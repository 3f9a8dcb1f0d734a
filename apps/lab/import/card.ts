import { createHash } from "node:crypto";
import { exitWidth, type Model, outputKind } from "#shared/model";
import type { Comparison } from "../export/compare.ts";
import type { Original } from "./original.ts";
import type { LicenseFile, ModelSource } from "./source.ts";

export interface ImportFacts {
  readonly source: ModelSource;
  readonly kind: "graph" | "layers";
  readonly model: Model;
  readonly license: LicenseFile | null;
  /** What the tensors' ranges were measured on. */
  readonly calibratedOn: string;
  readonly comparedOn: string;
  /** `file` as it came, or its layers as we made them TF.js' own. */
  readonly comparedWith: Original["kind"];
  readonly comparison: Comparison;
  /** Whether `--labels` named the classes. */
  readonly hasNames: boolean;
}

/** Says, beside the model, where it came from, what was made of it and on whose terms it may be used. */
export function importCard(facts: ImportFacts): string {
  const { source, kind, model, license, calibratedOn, comparedOn, comparedWith, comparison, hasNames } =
    facts;
  const { id, input, exits } = model.metadata;
  const { height, width, channels = 3, range } = input;
  const colours = channels === 1 ? "grey" : "RGB";
  const hash = createHash("sha256").update(source.description).digest("hex");
  const many = exits.length > 1;
  const terms =
    license === null
      ? "none lay beside the model: its terms are those of where it came from"
      : `[${license.name}](${license.name}), as it lay beside the model`;
  const scores = `${scoresText(model)}${hasNames ? "" : ", whose names were not given"}`;
  const { maxDifference } = comparison;
  const difference =
    maxDifference === 0
      ? "every score is the original's"
      : `no score differs from the original's by more than ${maxDifference.toExponential(1)}`;
  return `# ${id}

Somebody else's model, imported by \`lab import\`: a TF.js ${kind}-model of ${scores}.

* **Origin**: ${source.origin}; SHA-256 of its model.json ${hash}.
* **Licence**: ${terms}.
* **Input**: float32 [N, ${height}, ${width}, ${channels}], ${colours}, pixel 0..255 scaled linearly to ${range[0]}..${range[1]}.
* **Exits**: ${many ? exits.map((exit) => `${exit.id} at ${exit.node}`).join(", ") : "one, the whole model: it is partitioned, never left early"}.
* **Changed**: idle nodes dropped, constants computed, scales and shifts folded, activations fused, weights in
  shards in topological order. On ${comparedOn} ${difference};
  ${(100 * comparison.sameTop1).toFixed(1)} % say the same.${comparedWith === "file" ? "" : " TF.js itself does not take the file: the original was run as layers of TF.js made from it."}
* **Ranges** of the tensors, for the uint8 codec: measured on ${calibratedOn}.
* **Accuracy**: not measured here.
* **Drawn**: [its DAG](graph.svg), [which cut wins where](phase-map.svg).
`;
}

/** What a model says of an image, for card and summary. */
export function scoresText({ metadata }: Model): string {
  const { exits, labels } = metadata;
  const kinds = new Set(exits.map(outputKind));
  if (kinds.has("softmax") || kinds.has("logits")) {
    const as =
      kinds.size > 1 ? "as logits or probabilities" : kinds.has("logits") ? "as logits" : "as probabilities";
    return `${labels.length} classes ${as}`;
  }
  if (kinds.has("sigmoid")) {
    const isChoice = labels.length === 2 && exitWidth(metadata, exits.at(-1)!) === 1;
    if (isChoice) return "one score for two labels";
    return labels.length === 1 ? "one label by itself" : `${labels.length} labels, each by itself`;
  }
  return kinds.has("embedding") ? `an embedding of ${labels.length} numbers` : `${labels.length} numbers`;
}
