import { writeFile } from "node:fs/promises";
import path from "node:path";
import type { Architecture } from "../train/architectures/index.ts";
import type { Recipe } from "../train/recipe.ts";
import type { WeightsFormat } from "./shards.ts";

export interface CardFacts {
  readonly architecture: Architecture;
  /** How it was trained; null for random weights. */
  readonly recipe: Recipe | null;
  readonly weights: WeightsFormat;
}

/** Says, beside the model, what it is, how it was made and what its accuracy means. */
export async function writeCard(folder: string, facts: CardFacts): Promise<void> {
  await writeFile(
    path.join(folder, "card.md"),
    facts.recipe === null ? untrainedCard(facts) : trainedCard(facts, facts.recipe),
  );
}

function untrainedCard({ architecture }: CardFacts): string {
  const { id, size } = architecture;
  return `# ${id}

Random weights, never trained: for tests only. Input ${size}x${size}. Its labels and scores mean nothing.

Made by \`npm run lab -- export ${id} --untrained\`.
`;
}

/** What each data set is, and what of it a network is trained on. */
const DATA: Readonly<
  Record<Architecture["dataSet"], { readonly task: string; readonly photos: string; readonly limits: string }>
> = {
  imagenette: {
    task: "Imagenette's ten classes",
    photos: "Imagenette v2 (fast.ai), 95 % of the 9,469 training photos at 160x160",
    limits: "The photos are ImageNet's: for research use.",
  },
  cifar10: {
    task: "CIFAR-10's ten classes",
    photos: "CIFAR-10 (Krizhevsky 2009), 95 % of the 50,000 training images at 32x32",
    limits: "The set has no formal licence.",
  },
};

function trainedCard({ architecture, weights }: CardFacts, recipe: Recipe): string {
  const { id, size, exitWeights, dataSet } = architecture;
  const { task, photos, limits } = DATA[dataSet];
  return `# ${id}

Sorts photos into ${task}, with ${exitWeights.length} exits.

* **Input**: float32 [N, ${size}, ${size}, 3], RGB, pixel 0..255 scaled linearly to -1..1.
* **Data**: ${photos}; the others are held back for the choice of the epoch and for what is fitted after training.
* **Training**: from random weights; joint loss of all exits, weights ${exitWeights.join(", ")}, of an earlier exit's
  target ${percent(recipe.distillation)} the last exit's own answer; ${recipe.epochs} epochs (${phasesText(recipe)}), batch
  ${recipe.batch}, seed ${recipe.seed}; SGD with Nesterov momentum ${recipe.momentum}, peak rate ${recipe.rate}, ${recipe.warmupEpochs} epochs of
  warm-up, cosine schedule, weight decay ${recipe.weightDecay}, label smoothing ${recipe.smoothing}; random resized crops, mirror
  images, light and colour jitter, ${mixingText(recipe)}; weights averaged over
  steps (${recipe.averaging}), the epoch that did best on the photos held back, statistics of the normalisations
  measured anew on whole training photos.
* **Weights**: ${weights}; normalisations are folded into the convolutions.
* **Limits**: it knows ten classes and answers with one of them for any image. ${limits}

\`\`\`
npm run lab -- train ${id} --epochs ${recipe.epochs} --batch ${recipe.batch} --seed ${recipe.seed}
npm run lab -- export ${id} --weights ${weights}
npm run lab -- evaluate ${id} --write
npm run lab -- calibrate ${id} --write
\`\`\`
`;
}

const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;

function phasesText({ phases }: Recipe): string {
  return phases.map(({ share, size }) => `${percent(share)} at ${size}x${size}`).join(", ");
}

function mixingText({ mixing, mixingUntil }: Recipe): string {
  if (mixing === 0) return "no mixing";
  return `CutMix or mixup on ${percent(mixing)} of the batches in the first ${percent(mixingUntil)} of the epochs`;
}
