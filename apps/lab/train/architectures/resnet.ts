import type { SymbolicTensor } from "@tensorflow/tfjs";
import { BASE_RECIPE } from "../recipe.ts";
import type { Architecture, Graph } from "./architecture.ts";
import type { Blocks } from "./blocks.ts";

/** Channels and blocks of each stage. */
const STAGES = [
  { filters: 32, count: 1 },
  { filters: 112, count: 2 },
  { filters: 192, count: 3 },
  { filters: 400, count: 2 },
] as const;

/** Channels of the neck: with 10x10 values each, what the cheapest cut sends. */
const NECK = 32;

/**
 * A residual network (He et al. 2016, arXiv:1512.03385) with an exit after every stage and a neck.
 *
 * The stem is two strided 3x3 convolutions instead of one 7x7 and a pool. Between the second and the third
 * stage, before half of the work is done, everything passes a neck of a few channels: a cut there sends less
 * than a JPEG of the photo (BottleNet, arXiv:1902.01000). About 490 million multiply-adds at 160x160, a tenth of
 * them to the first exit. Residual branches start as zero.
 */
export const resnet: Architecture = {
  id: "resnet-imagenette",
  size: 160,
  classes: 10,
  isWide: true,
  dataSet: "imagenette",
  exitWeights: [0.2, 0.3, 0.4, 1],
  recipe: {
    ...BASE_RECIPE,
    epochs: 44,
    mixing: 0.4,
    phases: [
      { share: 0.7, size: 96, leastCrop: 0.25 },
      { share: 0.3, size: 128, leastCrop: 0.35 },
    ],
  },
  build({ image, blocks, classes }): Graph {
    let x = blocks.convBnRelu(image, "stem/conv1", { filters: 16, kernel: 3, stride: 2 });
    x = blocks.convBnRelu(x, "stem/conv2", { filters: 32, kernel: 3, stride: 2 });
    const exits = STAGES.map(({ filters, count }, at) => {
      const stage = `stage${at + 1}`;
      // The neck has halved height and width already.
      const stride = at === 1 || at === 3 ? 2 : 1;
      if (at === 2) x = blocks.convBnRelu(x, "neck", { filters: NECK, kernel: 3, stride: 2 });
      for (let block = 1; block <= count; block++) {
        const name = `${stage}/block${block}`;
        x = residual(blocks, x, name, {
          filters,
          stride: block === 1 ? stride : 1,
          widens: block === 1 && at > 0,
        });
      }
      const exit = `exit${at + 1}`;
      return { id: exit, logits: blocks.classifier(exitTop(blocks, x, exit, at), exit, classes) };
    });
    return { exits };
  },
};

interface ResidualOptions {
  readonly filters: number;
  readonly stride: number;
  /** Whether the shortcut needs a convolution. */
  readonly widens: boolean;
}

function residual(
  blocks: Blocks,
  x: SymbolicTensor,
  name: string,
  { filters, stride, widens }: ResidualOptions,
): SymbolicTensor {
  const branch = blocks.convBnRelu(x, `${name}/conv1`, { filters, kernel: 3, stride });
  const sum = blocks.convBn(branch, `${name}/conv2`, { filters, kernel: 3, quiet: true });
  const shortcut = widens ? blocks.convBn(x, `${name}/shortcut`, { filters, kernel: 1, stride }) : x;
  return blocks.relu(blocks.add(sum, shortcut, `${name}/add`), `${name}/relu`);
}

/** What stands before an exit's classifier: the earlier the exit, the more is left to gather. */
function exitTop(blocks: Blocks, x: SymbolicTensor, exit: string, at: number): SymbolicTensor {
  if (at === STAGES.length - 1) return x;
  const strided = (from: SymbolicTensor, name: string, filters: number) =>
    blocks.convBnRelu(from, `${exit}/${name}`, { filters, kernel: 3, stride: 2 });
  if (at === 0) return strided(strided(x, "conv1", 48), "conv2", 64);
  return strided(x, "conv", at === 1 ? 160 : 320);
}
