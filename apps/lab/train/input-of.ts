import type { Tensor4D } from "@tensorflow/tfjs";
import { LUMA, type ModelInput } from "#shared/model";
import type { Tf } from "../engine/native.ts";

/**
 * Views as a model takes them.
 *
 * @param images float32 [batch, size, size, 3], -1..1; of a model whose input is a square they may have other sides
 */
export function inputOf(tf: Tf, images: Tensor4D, { height, width, channels, range }: ModelInput): Tensor4D {
  const sized = height === width ? images : tf.image.resizeBilinear(images, [height, width], false, true);
  const coloured = channels === 1 ? sized.mul([...LUMA]).sum<Tensor4D>(3, true) : sized;
  const [low, high] = range;
  return coloured
    .add(1)
    .mul((high - low) / 2)
    .add<Tensor4D>(low);
}
