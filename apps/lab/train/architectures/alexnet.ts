import type { Architecture, Graph } from "./architecture.ts";
import { BASE_RECIPE } from "./recipe.ts";

/** Channels of the neck: with 8x8 values each, what the cheapest cut sends. */
const NECK = 16;

/**
 * AlexNet for 32x32 images as a chain with five exits, the network of BranchyNet (arXiv:1709.01686) and Edgent
 * (arXiv:1806.07840), with batch normalisation in place of local response normalisation. After the second pool, before
 * half of the work is done, all that goes on to the third convolution passes a neck of a few channels: a cut there
 * sends less than a JPEG of the photo (BottleNet, arXiv:1902.01000). About 34 million multiply-adds.
 */
export const alexnet: Architecture = {
  id: "alexnet-cifar10",
  size: 32,
  classes: 10,
  isWide: true,
  dataSet: "cifar10",
  isEnsemble: false,
  exitWeights: [0.2, 0.3, 0.4, 0.5, 1],
  recipe: {
    ...BASE_RECIPE,
    epochs: 8,
    batch: 128,
    rate: 0.05,
    turn: 0.025,
    smoothing: 0.05,
    warmupEpochs: 1,
    phases: [{ share: 1, size: 32, leastCrop: 0.6 }],
  },
  build({ image, blocks, classes }): Graph {
    let x = blocks.convBnRelu(image, "conv1", { filters: 32, kernel: 5 });
    x = blocks.maxPool(x, "pool1", 3, 2);
    const exit1 = blocks.convBnRelu(x, "exit1/conv", { filters: 48, kernel: 3, stride: 2 });

    x = blocks.convBnRelu(x, "conv2", { filters: 64, kernel: 5 });
    x = blocks.maxPool(x, "pool2", 3, 2);
    const exit2 = blocks.convBnRelu(x, "exit2/conv", { filters: 64, kernel: 3, stride: 2 });

    x = blocks.convBnRelu(x, "neck", { filters: NECK, kernel: 1 });
    x = blocks.convBnRelu(x, "conv3", { filters: 128, kernel: 3 });
    const exit3 = blocks.convBnRelu(x, "exit3/conv", { filters: 96, kernel: 3, stride: 2 });

    x = blocks.convBnRelu(x, "conv4", { filters: 128, kernel: 3 });
    const exit4 = blocks.convBnRelu(x, "exit4/conv", { filters: 96, kernel: 3, stride: 2 });

    x = blocks.convBnRelu(x, "conv5", { filters: 96, kernel: 3 });
    x = blocks.maxPool(x, "pool5", 3, 2);
    x = blocks.denseRelu(blocks.flatten(x, "flatten"), "dense1", 256);
    x = blocks.denseRelu(x, "dense2", 128);

    const early = [exit1, exit2, exit3, exit4].map((top, at) => {
      const id = `exit${at + 1}`;
      return { id, logits: blocks.classifier(top, id, classes) };
    });
    return { exits: [...early, { id: "exit5", logits: blocks.logits(x, "exit5", classes) }] };
  },
};
