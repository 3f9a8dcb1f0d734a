import type { SymbolicTensor } from "@tensorflow/tfjs";
import type { Architecture, Graph } from "./architecture.ts";
import type { Blocks } from "./blocks.ts";
import { BASE_RECIPE } from "./recipe.ts";

/** Stages of inverted residuals: channels, blocks, the stride of the first and how much a block widens. */
const STAGES = [
  { filters: 32, count: 1, stride: 1, expansion: 3 },
  { filters: 48, count: 2, stride: 2, expansion: 4 },
  { filters: 96, count: 4, stride: 2, expansion: 4 },
  { filters: 160, count: 3, stride: 2, expansion: 4 },
] as const;

/** Stages after which an exit leaves; the last one answers after the head. */
const EXIT_AFTER = [1, 2];

/**
 * MobileNetV2's inverted residuals with linear bottlenecks (Sandler et al. 2018, arXiv:1801.04381) and three exits,
 * for phones: under 60 million multiply-adds at 128x128. The stem is two strided convolutions, as whole convolutions
 * are faster than depthwise ones on large maps (arXiv:2104.00298). The bottlenecks themselves are the narrow cuts.
 */
export const mobilenet: Architecture = {
  id: "mobilenet-imagenette",
  size: 128,
  classes: 10,
  isWide: true,
  dataSet: "imagenette",
  isEnsemble: true,
  exitWeights: [0.3, 0.5, 1],
  recipe: {
    ...BASE_RECIPE,
    epochs: 60,
    weightDecay: 2e-4,
    mixing: 0.2,
    mixingUntil: 0.67,
    phases: [
      { share: 22, size: 64, leastCrop: 0.25 },
      { share: 20, size: 96, leastCrop: 0.25 },
      { share: 8, size: 112, leastCrop: 0.35 },
      { share: 10, size: 128, leastCrop: 0.35, restart: 0.5, together: 0.5 },
    ],
  },
  build({ image, blocks, classes }): Graph {
    let x = blocks.convBnRelu(image, "stem/conv1", { filters: 16, kernel: 3, stride: 2 });
    x = blocks.convBnRelu(x, "stem/conv2", { filters: 32, kernel: 3, stride: 2 });
    const exits: { id: string; logits: SymbolicTensor }[] = [];
    for (const [at, { filters, count, stride, expansion }] of STAGES.entries()) {
      for (let block = 1; block <= count; block++) {
        const name = `stage${at + 1}/block${block}`;
        const first = block === 1;
        x = invertedResidual(blocks, x, name, {
          filters,
          expansion,
          stride: first ? stride : 1,
          adds: !first,
        });
      }
      if (!EXIT_AFTER.includes(at)) continue;
      const id = `exit${exits.length + 1}`;
      let top = blocks.convBnRelu(x, `${id}/expand`, { filters: filters * 4, kernel: 1 });
      top = blocks.depthwise(top, `${id}/depthwise`, { kernel: 3, stride: 2 });
      top = blocks.convBnRelu(top, `${id}/conv`, { filters: filters * 4, kernel: 1 });
      exits.push({ id, logits: blocks.classifier(top, id, classes) });
    }
    const id = `exit${exits.length + 1}`;
    const top = blocks.convBnRelu(x, `${id}/conv`, { filters: 640, kernel: 1 });
    exits.push({ id, logits: blocks.classifier(top, id, classes) });
    return { exits };
  },
};

interface BlockOptions {
  readonly filters: number;
  readonly expansion: number;
  readonly stride: number;
  /** Whether the input is added to the output. */
  readonly adds: boolean;
}

function invertedResidual(
  blocks: Blocks,
  x: SymbolicTensor,
  name: string,
  { filters, expansion, stride, adds }: BlockOptions,
): SymbolicTensor {
  const wide = (x.shape.at(-1) as number) * expansion;
  let branch = blocks.convBnRelu(x, `${name}/expand`, { filters: wide, kernel: 1 });
  branch = blocks.depthwise(branch, `${name}/depthwise`, { kernel: 3, stride });
  const out = blocks.convBn(branch, `${name}/project`, { filters, kernel: 1, quiet: adds });
  return adds ? blocks.add(x, out, `${name}/add`) : out;
}
