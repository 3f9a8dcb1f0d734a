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

function trainedCard({ architecture, weights }: CardFacts, recipe: Recipe): string {
  const { id, size, exitWeights } = architecture;
  const small = Math.floor(recipe.epochs * recipe.smallShare);
  return `# ${id}

Sorts photos into Imagenette's ten classes, with ${exitWeights.length} exits.

* **Input**: float32 [N, ${size}, ${size}, 3], RGB, pixel 0..255 scaled linearly to -1..1.
* **Data**: Imagenette v2 (fast.ai), 95 % of the 9,469 training photos at 160x160; the others are held
  back for what is fitted after training.
* **Training**: joint loss of all exits, weights ${exitWeights.join(", ")}; ${recipe.epochs} epochs (${small} of
  them on smaller images), batch ${recipe.batch}, seed ${recipe.seed}; SGD with Nesterov momentum
  ${recipe.momentum}, peak rate ${recipe.rate}, cosine schedule, weight decay ${recipe.weightDecay}, label
  smoothing ${recipe.smoothing}; random resized crops, mirror images, light and colour jitter.
* **Weights**: ${weights}; normalisations are folded into the convolutions.
* **Limits**: it knows ten classes and answers with one of them for any image. The photos are
  ImageNet's: for research use.

\`\`\`
npm run lab -- train ${id} --epochs ${recipe.epochs} --batch ${recipe.batch} --seed ${recipe.seed}
npm run lab -- export ${id} --weights ${weights}
npm run lab -- evaluate ${id} --write
npm run lab -- calibrate ${id} --write
\`\`\`
`;
}
