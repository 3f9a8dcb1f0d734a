import { writeFile } from "node:fs/promises";
import path from "node:path";
import type { Architecture } from "../train/architectures/index.ts";
import type { WeightsFormat } from "./shards.ts";

export interface CardFacts {
  readonly architecture: Architecture;
  readonly trained: boolean;
  readonly weights: WeightsFormat;
}

/** Says, beside the model, what it is, how it was made and what its accuracy means. */
export async function writeCard(folder: string, facts: CardFacts): Promise<void> {
  await writeFile(path.join(folder, "card.md"), facts.trained ? trainedCard(facts) : untrainedCard(facts));
}

function untrainedCard({ architecture }: CardFacts): string {
  const { id, size } = architecture;
  return `# ${id}

Random weights, never trained: for tests only. Input ${size}x${size}. Its labels and scores mean nothing.

Made by \`npm run lab -- export ${id} --untrained\`.
`;
}

function trainedCard({ architecture, weights }: CardFacts): string {
  const { id, size, exitWeights } = architecture;
  return `# ${id}

Sorts photos into Imagenette's ten classes, with ${exitWeights.length} exits.

* **Input**: float32 [N, ${size}, ${size}, 3], RGB, pixel 0..255 scaled linearly to -1..1.
* **Training data**: Imagenette v2 (fast.ai), the 9,469 training photos at 160x160. All exits are trained
  together, with loss weights ${exitWeights.join(", ")}.
* **Accuracy**: \`accuracy\` of each exit in model.json is its top-1 on all 3,925 validation photos, each
  photo as a whole resized to ${size}x${size} (bilinear). The page crops a centre square first.
* **Weights**: ${weights}; normalisations are folded into the convolutions.
* **Limits**: it knows ten classes and answers with one of them for any image. The photos are
  ImageNet's: for research use.

Made by \`npm run lab -- train ${id}\` and \`npm run lab -- export ${id}\`.
`;
}
