import { writeFile } from "node:fs/promises";
import path from "node:path";
import type { DataSet } from "../data/data-set.ts";
import type { Architecture } from "../train/architectures/index.ts";
import type { Recipe } from "../train/architectures/recipe.ts";
import type { WeightsFormat } from "./shards.ts";

export interface CardFacts {
  readonly architecture: Architecture;
  /** How and on what it was trained; null for random weights. */
  readonly trained: { readonly recipe: Recipe; readonly data: CardData } | null;
  readonly weights: WeightsFormat;
}

/** What the card tells of the data set. */
export interface CardData extends Pick<DataSet, "id" | "labels" | "size"> {
  readonly trainPhotos: number;
  /** Whether CIFAR-10 came as JPEGs, which lose a little, and not in its own format. */
  readonly isRecompressed: boolean;
}

/** Says, beside the model, what it is, how it was made and what its accuracy means. */
export async function writeCard(folder: string, facts: CardFacts): Promise<void> {
  await writeFile(
    path.join(folder, "card.md"),
    facts.trained === null ? untrainedCard(facts) : trainedCard(facts, facts.trained),
  );
}

function untrainedCard({ architecture }: CardFacts): string {
  const { id, size } = architecture;
  return `# ${id}

Random weights, never trained: for tests only. Input ${size}x${size}. Its labels and scores mean nothing.

Made by \`npm run lab -- export ${id} --untrained\`.
`;
}

const SETS: Readonly<Record<DataSet["id"], { classes: string; from: string; terms: string }>> = {
  imagenette: {
    classes: "Imagenette's ten classes",
    from: "Imagenette v2 (fast.ai)",
    terms: " The photos are\n  ImageNet's: for research use.",
  },
  cifar10: {
    classes: "CIFAR-10's ten classes",
    from: "CIFAR-10 (Krizhevsky 2009)",
    terms: "\n  The images come without a licence: for research use.",
  },
  clothing: {
    classes: "ten classes of garments",
    from: "the Clothing dataset (CC0), photos taken by phone",
    terms: "",
  },
  folder: { classes: "the classes of a user's own photos", from: "a user's own photos", terms: "" },
};

function trainedCard(
  { architecture, weights }: CardFacts,
  { recipe, data }: NonNullable<CardFacts["trained"]>,
): string {
  const { classes, from, terms } = SETS[data.id];
  const dataOption = data.id === "folder" ? " --data PATH" : "";
  const photos = `${data.trainPhotos.toLocaleString("en")} training photos at ${data.size}x${data.size}`;
  const { id, size, exitWeights, isEnsemble } = architecture;
  const last = exitWeights.length;
  const ensemble = isEnsemble
    ? `\n* **Last exit**: the sum of its own logits and those of exit${last - 1}, each trained alone.`
    : "";
  const dataPoint = point(
    `**Data**: ${from}${data.isRecompressed ? " as JPEGs, recompressed" : ""}, 95 % of the ${photos};
    the others are held back for the choice of the epoch and for what is fitted after training.`,
  );
  const training = point(
    `**Training**: from ${startText(recipe)}; joint loss of all exits, weights ${exitWeights.join(", ")}, of an earlier
    exit's target ${percent(recipe.distillation)} the last exit's own answer; ${recipe.epochs} epochs
    (${phasesText(recipe)}), batch ${recipe.batch}, seed ${recipe.seed}; SGD with Nesterov momentum ${recipe.momentum},
    peak rate ${recipe.rate}${muonText(recipe)}; warm-up over ${recipe.warmupEpochs} of the epochs, cosine schedule,
    weight decay ${recipe.weightDecay}, label smoothing ${recipe.smoothing}; random resized crops, mirror images, light
    and colour jitter, ${mixingText(recipe)}; ${alongText(recipe)}weights averaged over steps (${recipe.averaging}), the last epoch
    that did as well on the photos held back as the best one within a standard error, statistics of the normalisations measured anew on whole training photos.`,
  );
  return `# ${id}

Sorts photos into ${classes}, with ${exitWeights.length} exits.

* **Input**: float32 [N, ${size}, ${size}, 3], RGB, pixel 0..255 scaled linearly to -1..1.
${dataPoint}
${training}${ensemble}
* **Weights**: ${weights}; normalisations are folded into the convolutions.
* **Limits**: it knows ${data.labels.length} classes and answers with one of them for any image.${terms}

\`\`\`
npm run lab -- train ${id}${dataOption} --epochs ${recipe.epochs} --batch ${recipe.batch} --seed ${recipe.seed}${startOption(architecture, recipe)}${recipe.codecBytes === undefined ? "" : ` --codec ${recipe.codecBytes}`}
npm run lab -- export ${id}${dataOption} --weights ${weights}
npm run lab -- evaluate ${id}${dataOption} --write
npm run lab -- calibrate ${id}${dataOption} --write
npm run lab -- evaluate ${id}${dataOption} --codecs --write
npm run lab -- evaluate ${id}${dataOption} --verdicts
npm run lab -- profile ${id} --backend wasm
npm run lab -- profile ${id} --backend native
\`\`\`
`;
}

/** A point of a list, in lines of at most 118 characters. */
function point(text: string): string {
  const lines = ["*"];
  for (const word of text.split(/\s+/)) {
    const line = `${lines.at(-1)} ${word}`;
    if (line.length > 118) lines.push(`  ${word}`);
    else lines[lines.length - 1] = line;
  }
  return lines.join("\n");
}

const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;

/** Of a codec that was trained along. */
function alongText({ codecBytes }: Recipe): string {
  if (codecBytes === undefined) return "";
  return `with half of the photos a codec that is trained along, at ${codecBytes} bytes an image, stands in for a tensor; `;
}

/** Where it did not begin with what the architecture itself begins with. */
function startOption({ startsFrom }: Architecture, { startedFrom }: Recipe): string {
  const [id] = startedFrom?.split(" ") ?? [];
  return id === startsFrom ? "" : ` --start ${id ?? "random"}`;
}

function startText({ startedFrom }: Recipe): string {
  return startedFrom === undefined
    ? "random weights"
    : `the weights of ${startedFrom}, layers of other shapes from random ones`;
}

function phasesText({ phases }: Recipe): string {
  if (phases.length === 1) return `all at ${phases[0]!.size}x${phases[0]!.size}`;
  const total = phases.reduce((sum, { share }) => sum + share, 0);
  return phases
    .map(({ share, size, restart, together }) => {
      const anew = restart === undefined ? "" : `a warm restart to ${percent(restart)} of the rate, `;
      const taught =
        together === undefined ? "" : `, ${percent(together)} of every target what all exits say together`;
      return `${anew}${percent(share / total)} at ${size}x${size}${taught}`;
    })
    .join(", ");
}

function muonText({ turn }: Recipe): string {
  return turn > 0 ? `; for the kernels of convolutions Muon, turning them by at most ${turn} a step` : "";
}

function mixingText({ mixing, mixingUntil }: Recipe): string {
  if (mixing === 0) return "no mixing";
  return `CutMix or mixup on ${percent(mixing)} of the batches in the first ${percent(mixingUntil)} of the epochs`;
}
