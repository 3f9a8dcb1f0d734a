import type { Architecture, Graph } from "./architecture.ts";
import type { DetourSpan } from "./detour.ts";
import { BASE_RECIPE } from "./recipe.ts";

const SPAN: DetourSpan = {
  tensor: "block2/concat",
  replaces: "block3/relu",
  from: [8, 8, 16],
  to: [4, 4, 24],
  isRectified: true,
};

/**
 * A model for tests: three exits, a skip edge around each residual block and one concatenation, so
 * that cuts of two tensors exist. Under 3 million multiply-adds at 32x32.
 */
export const tiny: Architecture = {
  id: "tiny",
  size: 32,
  classes: 10,
  isWide: false,
  dataSet: "imagenette",
  recipe: { ...BASE_RECIPE, phases: [{ share: 1, size: 32, leastCrop: 0.5 }] },
  isEnsemble: false,
  exitWeights: [0.3, 0.5, 1],
  span: SPAN,
  build({ image, blocks, classes }): Graph {
    let x = blocks.convBnRelu(image, "stem/conv", { filters: 8, kernel: 3 });
    x = blocks.maxPool(x, "stem/pool", 3, 2);

    let branch = blocks.convBnRelu(x, "block1/conv1", { filters: 8, kernel: 3 });
    branch = blocks.convBn(branch, "block1/conv2", { filters: 8, kernel: 3 });
    x = blocks.relu(blocks.add(branch, x, "block1/add"), "block1/relu");
    const exit1 = blocks.classifier(x, "exit1", classes);

    const wide = blocks.convBnRelu(x, "block2/wide", { filters: 12, kernel: 3, stride: 2 });
    const point = blocks.convBnRelu(x, "block2/point", { filters: 4, kernel: 1, stride: 2 });
    x = blocks.concat([wide, point], "block2/concat");
    const middle = x;
    const top = blocks.convBnRelu(x, "exit2/conv", { filters: 16, kernel: 1 });
    const exit2 = blocks.classifier(top, "exit2", classes);

    branch = blocks.convBnRelu(x, "block3/conv1", { filters: 24, kernel: 3, stride: 2 });
    branch = blocks.convBn(branch, "block3/conv2", { filters: 24, kernel: 3 });
    const shortcut = blocks.convBn(x, "block3/shortcut", { filters: 24, kernel: 1, stride: 2 });
    x = blocks.relu(blocks.add(branch, shortcut, "block3/add"), "block3/relu");
    x = blocks.detour(middle, x, "detour");
    const exit3 = blocks.classifier(x, "exit3", classes);

    const exits = [exit1, exit2, exit3].map((logits, i) => ({ id: `exit${i + 1}`, logits }));
    return { exits };
  },
};
