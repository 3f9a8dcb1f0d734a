import type { Architecture } from "./architecture.ts";
import { resnet } from "./resnet.ts";

/**
 * The residual network of Imagenette on photos of garments, which need to be seen in detail: with 288 pixels it takes 1.56
 * billion multiply-adds. Its training begins with that network's weights, since there are few photos.
 */
export const resnetClothing: Architecture = {
  ...resnet,
  id: "resnet-clothing",
  size: 288,
  dataSet: "clothing",
  startsFrom: "resnet-imagenette",
  recipe: {
    ...resnet.recipe,
    epochs: 15,
    batch: 64,
    precision: "bfloat16",
    turn: 0.02,
    mixing: 0.3,
    mixingUntil: 0.7,
    phases: [
      { share: 1, size: 128, leastCrop: 0.3 },
      { share: 1, size: 160, leastCrop: 0.3, together: 0.3 },
      { share: 1, size: 224, leastCrop: 0.4, together: 0.5 },
    ],
  },
};
