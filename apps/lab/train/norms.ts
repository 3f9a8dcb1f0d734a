import type { Tensor4D } from "@tensorflow/tfjs";
import type { Tf } from "../engine/native.ts";
import { NORM_MOMENTUM } from "./architectures/batch-norm.ts";
import type { Network } from "./architectures/index.ts";

/**
 * Measures the statistics of every normalisation anew, as the mean over some batches, with the weights as they
 * are: averaged weights, or images of another size and uncropped, have others than training left.
 *
 * @param batches float32 [batch, size, size, 3]; disposed here
 */
export function recomputeNorms(
  tf: Tf,
  network: Pick<Network, "model" | "norms">,
  batches: Iterable<Tensor4D>,
): void {
  const { model, norms } = network;
  let seen = 0;
  for (const images of batches) {
    seen++;
    norms.momentum = 1 - 1 / seen;
    tf.tidy(() => void model.apply(images, { training: true }));
    images.dispose();
  }
  norms.momentum = NORM_MOMENTUM;
}
