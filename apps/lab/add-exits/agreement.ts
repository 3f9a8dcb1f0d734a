import type { Tensor, Tensor2D } from "@tensorflow/tfjs";
import type { Segment } from "#shared/model";
import type { SegmentModel } from "#shared/runtime";
import type { Photos } from "../data/pixels.ts";
import { spread } from "../train/batches.ts";
import type { Tf } from "../train/native.ts";
import { wholePhotos } from "./distil.ts";

const BATCH = 32;

/**
 * How often each exit's top class is the last exit's.
 *
 * @returns share of the photos by exit, 0..1; 1 for the last
 */
export function agreement(tf: Tf, segments: SegmentModel, photos: Photos): readonly number[] {
  const { metadata, nodes } = segments.model;
  const every: Segment = {
    nodes: nodes.map(({ name }) => name),
    feeds: [metadata.input.node],
    outputs: metadata.exits.map(({ node }) => node),
  };
  const same = metadata.exits.map(() => 0);
  const all = spread(photos.count, photos.count);
  for (let start = 0; start < all.length; start += BATCH) {
    const tops = tf.tidy(() => {
      const images = wholePhotos(tf, photos, all.subarray(start, start + BATCH), metadata.input);
      const outputs = segments.run(every, [images]) as Tensor2D[];
      return outputs.map((scores) => (scores.argMax(1) as Tensor).dataSync());
    });
    const last = tops.at(-1)!;
    for (const [exit, top] of tops.entries()) {
      same[exit]! += top.filter((answer, photo) => answer === last[photo]).length;
    }
  }
  return same.map((count) => count / all.length);
}
