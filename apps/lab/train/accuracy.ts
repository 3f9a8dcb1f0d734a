import type { Tensor, Tensor2D } from "@tensorflow/tfjs";
import type { Photos } from "../data/photos.ts";
import type { Tf } from "../engine/native.ts";
import type { Network } from "./architectures/index.ts";
import { plainBatch } from "./batches.ts";

const BATCH = 64;

/**
 * Top-1 accuracy of every exit.
 *
 * @returns 0..1 per exit, and the number of photos seen
 */
export function measureAccuracy(
  tf: Tf,
  network: Network,
  photos: Photos,
  size: number,
): { readonly accuracy: number[]; readonly photos: number } {
  const picked = Uint32Array.from({ length: photos.count }, (_, photo) => photo);
  const hits = network.exitIds.map(() => 0);
  for (let start = 0; start < picked.length; start += BATCH) {
    const { images, labels } = plainBatch(tf, photos, picked.subarray(start, start + BATCH), size);
    const answers = tf.tidy(() => {
      const outputs = [network.answers.apply(images, { training: false })].flat() as Tensor2D[];
      return outputs.map((logits): Tensor => logits.argMax(1));
    });
    for (const [exit, answer] of answers.entries()) {
      answer.dataSync().forEach((label, i) => {
        if (label === labels[i]) hits[exit] = (hits[exit] as number) + 1;
      });
    }
    tf.dispose([images, ...answers]);
  }
  return { accuracy: hits.map((hit) => hit / picked.length), photos: picked.length };
}
