import type { SymbolicTensor } from "@tensorflow/tfjs";
import type { Architecture, Graph } from "./architecture.ts";
import type { DetourSpan } from "./detour.ts";
import { BASE_RECIPE } from "./recipe.ts";
import { residual } from "./residual.ts";

/** Channels and blocks of each stage: of 20x20 values before the neck, of 10x10 behind it. */
const STAGES = [
  { filters: 128, count: 3 },
  { filters: 256, count: 7 },
] as const;

/** Blocks behind which an exit leaves, and the channels of its own convolutions. */
const EXIT_CHANNELS: Readonly<Record<string, readonly number[]>> = {
  "stage1/block2": [192, 192],
  "stage2/block2": [320],
  "stage2/block5": [320],
  "stage2/block7": [320],
};

const STEM = 48;

/** Channels of the neck, of 10x10 values. */
const NECK = 48;

/** A codec behind the stem may stand in for all that lies before the neck. */
const SPAN: DetourSpan = {
  tensor: "stem/conv2",
  replaces: "neck",
  from: [40, 40, STEM],
  to: [10, 10, NECK],
  isRectified: false,
};

/**
 * A large residual network (He et al. 2016, arXiv:1512.03385) with five exits and a neck, for which a phone is slow.
 *
 * The first exit leaves behind the stem, after a thirtieth of the work, the second after a quarter. Behind three tenths
 * everything passes a linear neck of a few channels (BottleNet, arXiv:1902.01000), and seven blocks follow, so that a
 * cut at the neck leaves most of the work to the cloud. About 1.17 billion multiply-adds at 160x160.
 */
export const resnetLarge: Architecture = {
  id: "resnet-large-imagenette",
  size: 160,
  classes: 10,
  isWide: true,
  dataSet: "imagenette",
  isEnsemble: true,
  exitWeights: [0.15, 0.25, 0.3, 0.5, 1],
  span: SPAN,
  recipe: {
    ...BASE_RECIPE,
    epochs: 90,
    batch: 128,
    precision: "bfloat16",
    turn: 0.025,
    warmupEpochs: 1,
    mixing: 0.25,
    mixingUntil: 0.6,
    distillation: 0.2,
    averaging: 0.995,
    phases: [
      { share: 20, size: 64, leastCrop: 0.3 },
      { share: 20, size: 96, leastCrop: 0.3 },
      { share: 14, size: 128, leastCrop: 0.3 },
      { share: 14, size: 96, leastCrop: 0.3, restart: 0.5, together: 0.5 },
      { share: 22, size: 128, leastCrop: 0.3, together: 0.5 },
    ],
  },
  build({ image, blocks, classes }): Graph {
    const strided = (from: SymbolicTensor, name: string, filters: number) =>
      blocks.convBnRelu(from, name, { filters, kernel: 3, stride: 2 });
    const stem = strided(strided(image, "stem/conv1", 32), "stem/conv2", STEM);
    let x = stem;
    const top = strided(strided(strided(x, "exit1/conv1", 48), "exit1/conv2", 64), "exit1/conv3", 80);
    const exits = [{ id: "exit1", logits: blocks.classifier(top, "exit1", classes) }];
    for (const [at, { filters, count }] of STAGES.entries()) {
      if (at === 1) {
        const neck = blocks.convBn(x, "neck", { filters: NECK, kernel: 3, stride: 2 });
        x = blocks.detour(stem, neck, "detour");
      }
      for (let block = 1; block <= count; block++) {
        const name = `stage${at + 1}/block${block}`;
        const widens = block === 1;
        x = residual(blocks, x, name, { filters, stride: widens && at === 0 ? 2 : 1, widens });
        const channels = EXIT_CHANNELS[name];
        if (channels === undefined) continue;
        const id = `exit${exits.length + 1}`;
        const features = channels.reduce(
          (from, filters, layer) =>
            blocks.convBnRelu(from, `${id}/conv${layer + 1}`, {
              filters,
              kernel: 3,
              stride: layer === 0 ? 2 : 1,
            }),
          x,
        );
        exits.push({ id, logits: blocks.classifier(features, id, classes) });
      }
    }
    return { exits };
  },
};
