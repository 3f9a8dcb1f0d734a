import { dispose, type Tensor, type Tensor2D } from "@tensorflow/tfjs-core";
import { type Exit, type ModelInput, readScores, topClass } from "#shared/model";
import type { SegmentModel } from "#shared/runtime";
import type { Comparison } from "../export/compare.ts";
import { type Images, imageBatch } from "./images.ts";
import type { Original } from "./original.ts";

const BATCH = 8;

/** The scores that a written model gives against those of the original, nothing done to either. */
export interface ScoreComparison extends Comparison {
  /** The original's largest score, signs apart. */
  readonly largest: number;
}

/** The model as it was written against the original, as TF.js runs both on the active backend. */
export async function compareScores(
  written: SegmentModel,
  original: Original,
  images: Images,
): Promise<ScoreComparison> {
  const { metadata, nodes } = written.model;
  const input: ModelInput = metadata.input;
  const every = {
    nodes: nodes.map(({ name }) => name),
    feeds: [input.node],
    outputs: metadata.exits.map(({ node }) => node),
  };
  let maxDifference = 0;
  let largest = 0;
  let same = 0;
  for (let start = 0; start < images.count; start += BATCH) {
    const count = Math.min(BATCH, images.count - start);
    const batch = imageBatch(images, input, start, count);
    const expected = original.run(batch);
    const got = written.run(every, [batch]) as Tensor2D[];
    for (const [at, scores] of got.entries()) {
      const rows = rowsOf(expected[at] as Tensor, scores);
      for (const [ours, theirs] of rows) {
        for (const [score, value] of theirs.entries()) {
          const difference = Math.abs((ours[score] as number) - value);
          // Written so that a NaN stays one.
          maxDifference = difference <= maxDifference ? maxDifference : difference;
          largest = Math.max(largest, Math.abs(value));
        }
        same += isSame(metadata.labels, metadata.exits[at] as Exit, ours, theirs) ? 1 : 0;
      }
    }
    dispose([batch, ...expected, ...got]);
  }
  return { maxDifference, sameTop1: same / (images.count * metadata.exits.length), largest };
}

/** By image: our scores and theirs. */
function rowsOf(theirs: Tensor, ours: Tensor2D): readonly (readonly [Float32Array, Float32Array])[] {
  const [count, width] = ours.shape;
  const given = ours.dataSync() as Float32Array;
  const expected = theirs.dataSync() as Float32Array;
  return Array.from({ length: count }, (_, at) => {
    const range = [at * width, (at + 1) * width] as const;
    return [given.subarray(...range), expected.subarray(...range)];
  });
}

/** Whether both say the same: the same class or labels; of other numbers, which is the largest. */
function isSame(labels: readonly string[], exit: Exit, ours: Float32Array, theirs: Float32Array): boolean {
  const [mine, other] = [ours, theirs].map((scores) => readScores(labels, exit, scores));
  if (mine!.chances.length > 0) return mine!.label === other!.label;
  return topClass(ours) === topClass(theirs);
}
