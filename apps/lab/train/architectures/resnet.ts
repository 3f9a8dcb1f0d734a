import type { Architecture, Graph } from "./architecture.ts";

const STAGES = 4;
const BLOCKS = 2;
const WIDTH = 32;

/**
 * A half-width ResNet-18 (He et al. 2016, arXiv:1512.03385) with an exit after every stage.
 *
 * The stem is two strided 3x3 convolutions instead of one 7x7 and a pool. About 150 million
 * multiply-adds at 128x128. Residual branches start as zero.
 */
export const resnet: Architecture = {
  id: "resnet-imagenette",
  size: 128,
  classes: 10,
  dataSet: "imagenette",
  exitWeights: [0.2, 0.3, 0.4, 1],
  build({ image, blocks, classes }): Graph {
    let x = blocks.convBnRelu(image, "stem/conv1", { filters: WIDTH / 2, kernel: 3, stride: 2 });
    x = blocks.convBnRelu(x, "stem/conv2", { filters: WIDTH, kernel: 3, stride: 2 });
    const exits = [];
    for (let stage = 1; stage <= STAGES; stage++) {
      const filters = WIDTH * 2 ** (stage - 1);
      for (let block = 1; block <= BLOCKS; block++) {
        const name = `stage${stage}/block${block}`;
        const stride = stage > 1 && block === 1 ? 2 : 1;
        const branch = blocks.convBnRelu(x, `${name}/conv1`, { filters, kernel: 3, stride });
        const sum = blocks.convBn(branch, `${name}/conv2`, { filters, kernel: 3, quiet: true });
        const shortcut =
          stride === 1 ? x : blocks.convBn(x, `${name}/shortcut`, { filters, kernel: 1, stride });
        x = blocks.relu(blocks.add(sum, shortcut, `${name}/add`), `${name}/relu`);
      }
      const exit = `exit${stage}`;
      const last = stage === STAGES;
      const top = last
        ? x
        : blocks.convBnRelu(x, `${exit}/conv`, { filters: filters * 2, kernel: 3, stride: 2 });
      exits.push({ id: exit, logits: blocks.classifier(top, exit, classes) });
    }
    return { exits };
  },
};
