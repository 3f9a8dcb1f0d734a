import type { SymbolicTensor } from "@tensorflow/tfjs";
import type { Architecture, Graph } from "./architecture.ts";
import { BASE_RECIPE } from "./recipe.ts";
import { residual } from "./residual.ts";

/** Channels and blocks of each stage. */
const STAGES = [
  { filters: 48, count: 1 },
  { filters: 96, count: 2 },
  { filters: 224, count: 3 },
] as const;

/** Blocks behind which an exit leaves, and the channels of its own convolution. */
const EXIT_CHANNELS: Readonly<Record<string, number>> = {
  "stage2/block2": 160,
  "stage3/block1": 256,
  "stage3/block3": 320,
};

const STEM = 48;

/** Channels of the neck: with 10x10 values each, what the cheapest cut sends. */
const NECK = 48;

/**
 * A residual network (He et al. 2016, arXiv:1512.03385) with four exits and a neck.
 *
 * The stem is two strided 3x3 convolutions instead of one 7x7 and a pool; the first exit leaves right behind it, after
 * a tenth of the work, the others within the later stages. Between the second and the third stage, before half of the
 * work is done, everything passes a neck of a few channels: a cut there sends less than a JPEG of the photo (BottleNet,
 * arXiv:1902.01000). It is linear, as a ReLU would lose half of what is narrow already (arXiv:1801.04381). About 480
 * million multiply-adds at 160x160. Residual branches start as zero.
 */
export const resnet: Architecture = {
  id: "resnet-imagenette",
  size: 160,
  classes: 10,
  isWide: true,
  dataSet: "imagenette",
  isEnsemble: true,
  exitWeights: [0.2, 0.3, 0.5, 1],
  recipe: {
    ...BASE_RECIPE,
    epochs: 53,
    batch: 128,
    turn: 0.025,
    warmupEpochs: 1,
    mixing: 0.1,
    mixingUntil: 0.42,
    distillation: 0.2,
    averaging: 0.995,
    phases: [
      { share: 11, size: 64, leastCrop: 0.3 },
      { share: 12, size: 96, leastCrop: 0.3 },
      { share: 9, size: 128, leastCrop: 0.3 },
      { share: 9, size: 96, leastCrop: 0.3, restart: 0.5, together: 0.5 },
      { share: 12, size: 128, leastCrop: 0.3, together: 0.5 },
    ],
  },
  build({ image, blocks, classes }): Graph {
    let x = blocks.convBnRelu(image, "stem/conv1", { filters: 32, kernel: 3, stride: 2 });
    x = blocks.convBnRelu(x, "stem/conv2", { filters: STEM, kernel: 3, stride: 2 });
    const strided = (from: SymbolicTensor, name: string, filters: number) =>
      blocks.convBnRelu(from, name, { filters, kernel: 3, stride: 2 });
    let top = strided(x, "exit1/conv1", 48);
    top = strided(strided(top, "exit1/conv2", 64), "exit1/conv3", 96);
    const exits = [{ id: "exit1", logits: blocks.classifier(top, "exit1", classes) }];
    for (const [at, { filters, count }] of STAGES.entries()) {
      // The neck has halved height and width already.
      const stride = at === 1 ? 2 : 1;
      if (at === 2) x = blocks.convBn(x, "neck", { filters: NECK, kernel: 3, stride: 2 });
      for (let block = 1; block <= count; block++) {
        const name = `stage${at + 1}/block${block}`;
        const widens = block === 1 && at > 0;
        x = residual(blocks, x, name, { filters, stride: block === 1 ? stride : 1, widens });
        const channels = EXIT_CHANNELS[name];
        if (channels === undefined) continue;
        const id = `exit${exits.length + 1}`;
        exits.push({ id, logits: blocks.classifier(strided(x, `${id}/conv`, channels), id, classes) });
      }
    }
    return { exits };
  },
};
