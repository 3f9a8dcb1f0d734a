import type { Tensor, Tensor4D } from "@tensorflow/tfjs";
import type { Tf } from "../engine/native.ts";

/** Mean and variance of a channel, over images and places. */
export interface ChannelMoments {
  readonly mean: Float32Array;
  readonly variance: Float32Array;
}

/**
 * Of some tensors.
 *
 * @param batches one or more, float32 [batch, height, width, 3]; disposed here
 * @param compute the tensors of a batch, [batch, height, width, channels]
 */
export function channelMoments(
  tf: Tf,
  batches: Iterable<Tensor4D>,
  compute: (images: Tensor4D) => readonly Tensor[],
): readonly ChannelMoments[] {
  let sums: readonly Tensor[] = [];
  let seen = 0;
  for (const images of batches) {
    const before = sums;
    sums = tf.tidy((): Tensor[] => {
      const parts = compute(images).flatMap((one) => [one.mean([0, 1, 2]), one.square().mean([0, 1, 2])]);
      return parts.map((part, at) => (seen === 0 ? part : part.add(before[at]!)));
    });
    tf.dispose([images, ...before]);
    seen++;
  }
  const values = sums.map((one) => (one.dataSync() as Float32Array).map((sum) => sum / seen));
  tf.dispose([...sums]);
  return Array.from({ length: values.length / 2 }, (_, at) => {
    const mean = values[2 * at]!;
    return { mean, variance: values[2 * at + 1]!.map((square, c) => Math.max(0, square - mean[c]! ** 2)) };
  });
}
