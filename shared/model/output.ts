import { calibrated, confidence } from "./confidence.ts";

/**
 * What an exit's scores are: `softmax`, probabilities of classes of which one is right, that sum to 1; `logits`, what
 * a softmax makes such probabilities of; `sigmoid`, a probability for each of one or several labels, which may all be
 * right; `embedding`, a point in a space where near means alike; `vector`, any numbers.
 */
export type OutputKind = (typeof OUTPUT_KINDS)[number];

export const OUTPUT_KINDS = ["softmax", "logits", "sigmoid", "embedding", "vector"] as const;

/** Of an exit: how its scores are read. */
interface Scored {
  readonly output?: OutputKind | undefined;
  readonly temperature?: number | undefined;
}

/** Of a model: how many scores there are. */
interface Widths {
  readonly tensors: Readonly<Record<string, { readonly shape: readonly number[] }>>;
  readonly labels: readonly string[];
}

/** Ours are all of the first kind, and say nothing of it. */
export const outputKind = ({ output = "softmax" }: Scored): OutputKind => output;

/** Whether one of the labels is the answer. */
export function hasClasses(exit: Scored): boolean {
  const kind = outputKind(exit);
  return kind === "softmax" || kind === "logits";
}

/** How many scores an exit gives for an image. */
export function exitWidth({ tensors, labels }: Widths, exit: { readonly node: string }): number {
  return tensors[exit.node]?.shape.at(-1) ?? labels.length;
}

/** What an answer says. */
export interface Reading {
  /** The class; of labels those that hold; else what the numbers are. */
  readonly label: string;
  /** The chance that the label is right, 0..1; NaN where nothing can be right or wrong. */
  readonly confidence: number;
  /** Of every label, calibrated; empty where there are none. */
  readonly chances: readonly number[];
}

/** What one exit's scores for one image say. */
export function readScores(labels: readonly string[], exit: Scored, scores: ArrayLike<number>): Reading {
  const chances = chancesOf(scores, exit, labels.length);
  const sure = exitConfidence(scores, exit);
  const best = chances.indexOf(Math.max(...chances));
  switch (outputKind(exit)) {
    case "softmax":
    case "logits":
      return { label: labels[best] as string, confidence: chances[best] as number, chances };
    case "sigmoid": {
      // Of two labels for one score one holds.
      if (scores.length === 1 && labels.length === 2)
        return { label: labels[best] as string, confidence: sure, chances };
      const held = labels.filter((_, at) => (chances[at] as number) >= 0.5);
      const none = labels.length === 1 ? `not ${labels[0]}` : `none of ${labels.length} labels`;
      return { label: held.join(", ") || none, confidence: sure, chances };
    }
    case "embedding":
      return { label: `an embedding of ${scores.length} numbers`, confidence: Number.NaN, chances };
    case "vector": {
      const label =
        scores.length === 1 ? `${labels[0]}: ${scores[0]?.toPrecision(4)}` : `${scores.length} numbers`;
      return { label, confidence: Number.NaN, chances };
    }
  }
}

/**
 * How sure an exit is: the chance that its class is right, or that all its labels are.
 *
 * @param scores one image's
 * @returns 0..1; NaN when a score is, and of an embedding and a vector, which are neither right nor wrong
 */
export function exitConfidence(scores: ArrayLike<number>, exit: Scored): number {
  const { temperature = 1 } = exit;
  switch (outputKind(exit)) {
    case "softmax":
      return confidence(scores, temperature);
    case "logits":
      return confidence(softmaxOf(scores), temperature);
    case "sigmoid":
      return chancesOf(scores, exit, scores.length).reduce(
        (all, chance) => all * Math.max(chance, 1 - chance),
        1,
      );
    default:
      return Number.NaN;
  }
}

/** Index of the largest score; -1 when none is a number. */
export function topClass(scores: Float32Array): number {
  return scores.indexOf(scores.reduce((most, score) => Math.max(most, score), Number.NEGATIVE_INFINITY));
}

/** Probabilities of classes, whether an exit gives them or logits. */
export function probabilitiesOf(scores: ArrayLike<number>, exit: Scored): ArrayLike<number> {
  return outputKind(exit) === "logits" ? softmaxOf(scores) : scores;
}

/** @param labels how many there are */
function chancesOf(scores: ArrayLike<number>, exit: Scored, labels: number): readonly number[] {
  const { temperature = 1 } = exit;
  if (hasClasses(exit)) return calibrated(probabilitiesOf(scores, exit), temperature);
  if (outputKind(exit) !== "sigmoid") return [];
  const each = Array.from(scores, (p) => 1 / (1 + ((1 - p) / p) ** (1 / temperature)));
  const [only = 0] = each;
  return scores.length === 1 && labels === 2 ? [1 - only, only] : each;
}

function softmaxOf(logits: ArrayLike<number>): Float64Array {
  const most = Array.from(logits).reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const weights = Float64Array.from(logits, (logit) => Math.exp(logit - most));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / sum);
}
