import { argMax, tidy } from "@tensorflow/tfjs-core";
import type { Segment } from "#shared/model";
import type { SegmentModel } from "#shared/runtime";
import type { Photos } from "../data/photos.ts";
import { inputBatches } from "../evaluate/exit-scores.ts";

const BATCH = 32;

/**
 * How often each exit's top class is the last exit's, on the active backend.
 *
 * @returns share of the photos by exit, 0..1; 1 for the last
 */
export function agreement(segments: SegmentModel, photos: Photos): readonly number[] {
  const { metadata, nodes } = segments.model;
  const every: Segment = {
    nodes: nodes.map(({ name }) => name),
    feeds: [metadata.input.node],
    outputs: metadata.exits.map(({ node }) => node),
  };
  const same = metadata.exits.map(() => 0);
  for (const images of inputBatches(photos, metadata.input, BATCH)) {
    const tops = tidy(() => segments.run(every, [images]).map((scores) => argMax(scores, 1).dataSync()));
    images.dispose();
    const last = tops.at(-1)!;
    for (const [exit, top] of tops.entries()) {
      same[exit]! += top.filter((answer, photo) => answer === last[photo]).length;
    }
  }
  return same.map((count) => count / photos.count);
}
