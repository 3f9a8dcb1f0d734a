import type { SymbolicTensor } from "@tensorflow/tfjs";
import type { Architecture, Graph } from "./architecture.ts";
import type { Blocks } from "./blocks.ts";
import { BASE_RECIPE } from "./recipe.ts";

/** Channels of an inception module's branches: 1x1; 3x3 after its reduction; two 3x3 after theirs; after the pool. */
interface ModuleWidths {
  readonly point: number;
  readonly reduce3: number;
  readonly conv3: number;
  readonly reduce5: number;
  readonly conv5: number;
  readonly pool: number;
}

const STAGE_A: readonly ModuleWidths[] = [
  { point: 32, reduce3: 32, conv3: 48, reduce5: 16, conv5: 32, pool: 16 },
  { point: 48, reduce3: 48, conv3: 64, reduce5: 16, conv5: 32, pool: 16 },
];
const STAGE_B: readonly ModuleWidths[] = [
  { point: 80, reduce3: 64, conv3: 128, reduce5: 32, conv5: 64, pool: 48 },
  { point: 80, reduce3: 80, conv3: 144, reduce5: 32, conv5: 64, pool: 48 },
  { point: 80, reduce3: 96, conv3: 160, reduce5: 32, conv5: 80, pool: 64 },
];
const STAGE_C: readonly ModuleWidths[] = [
  { point: 144, reduce3: 128, conv3: 240, reduce5: 48, conv5: 112, pool: 80 },
  { point: 176, reduce3: 144, conv3: 272, reduce5: 48, conv5: 128, pool: 96 },
];

/**
 * A GoogLeNet-like DAG (Szegedy et al. 2015, arXiv:1409.4842) with batch normalisation, its 5x5 branch as two 3x3 and
 * its pools averaging (arXiv:1512.00567), three exits and a neck before the second stage, whose cut sends less than a JPEG of the
 * photo. About 210 million multiply-adds at 160x160.
 */
export const inception: Architecture = {
  id: "inception-imagenette",
  size: 160,
  classes: 10,
  isWide: true,
  dataSet: "imagenette",
  isEnsemble: true,
  exitWeights: [0.3, 0.5, 1],
  recipe: {
    ...BASE_RECIPE,
    epochs: 50,
    mixing: 0.15,
    mixingUntil: 0.56,
    phases: [
      { share: 16, size: 64, leastCrop: 0.3 },
      { share: 14, size: 96, leastCrop: 0.3 },
      { share: 10, size: 128, leastCrop: 0.35 },
      { share: 10, size: 128, leastCrop: 0.35, restart: 0.5, together: 0.5 },
    ],
  },
  build({ image, blocks, classes }): Graph {
    let x = blocks.convBnRelu(image, "stem/conv1", { filters: 16, kernel: 3, stride: 2 });
    x = blocks.convBnRelu(x, "stem/conv2", { filters: 32, kernel: 3, stride: 2 });
    x = blocks.convBnRelu(x, "stem/conv3", { filters: 64, kernel: 3 });
    x = blocks.maxPool(x, "stem/pool", 3, 2);

    x = stage(blocks, x, "a", STAGE_A);
    const exit1 = blocks.convBnRelu(x, "exit1/conv", { filters: 128, kernel: 3, stride: 2 });

    x = blocks.convBnRelu(x, "neck", { filters: 32, kernel: 3, stride: 2 });
    x = stage(blocks, x, "b", STAGE_B);
    const exit2 = blocks.convBnRelu(x, "exit2/conv", { filters: 256, kernel: 3, stride: 2 });

    x = blocks.maxPool(x, "b/pool", 3, 2);
    x = stage(blocks, x, "c", STAGE_C);

    const exits = [exit1, exit2, x].map((top, at) => {
      const id = `exit${at + 1}`;
      return { id, logits: blocks.classifier(top, id, classes) };
    });
    return { exits };
  },
};

function stage(
  blocks: Blocks,
  image: SymbolicTensor,
  name: string,
  modules: readonly ModuleWidths[],
): SymbolicTensor {
  return modules.reduce((x, widths, at) => inceptionModule(blocks, x, `${name}${at + 1}`, widths), image);
}

function inceptionModule(
  blocks: Blocks,
  x: SymbolicTensor,
  name: string,
  widths: ModuleWidths,
): SymbolicTensor {
  const conv = (from: SymbolicTensor, part: string, filters: number, kernel: number) =>
    blocks.convBnRelu(from, `${name}/${part}`, { filters, kernel });
  const point = conv(x, "point", widths.point, 1);
  const three = conv(conv(x, "reduce3", widths.reduce3, 1), "conv3", widths.conv3, 3);
  const five = conv(conv(x, "reduce5", widths.reduce5, 1), "conv5a", widths.conv5, 3);
  const pool = conv(blocks.averagePool(x, `${name}/pool`, 3), "project", widths.pool, 1);
  return blocks.concat([point, three, conv(five, "conv5b", widths.conv5, 3), pool], `${name}/concat`);
}
