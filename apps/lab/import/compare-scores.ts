import {
  abs,
  argMax,
  dispose,
  max,
  reshape,
  softmax,
  sub,
  type Tensor,
  type Tensor2D,
  tidy,
} from "@tensorflow/tfjs-core";
import type { ModelInput } from "#shared/model";
import type { SegmentModel } from "#shared/runtime";
import type { Comparison } from "../export/compare.ts";
import { type Images, imageBatch } from "./images.ts";
import type { Original } from "./original.ts";

const BATCH = 8;

/**
 * The model as it was written against the original, as TF.js runs both on the active backend.
 *
 * @param isSoftened by exit: whether the original gives logits
 */
export async function compareScores(
  written: SegmentModel,
  original: Original,
  images: Images,
  isSoftened: readonly boolean[],
): Promise<Comparison> {
  const { metadata, nodes } = written.model;
  const input: ModelInput = metadata.input;
  const every = {
    nodes: nodes.map(({ name }) => name),
    feeds: [input.node],
    outputs: metadata.exits.map(({ node }) => node),
  };
  let maxDifference = 0;
  let same = 0;
  for (let start = 0; start < images.count; start += BATCH) {
    const count = Math.min(BATCH, images.count - start);
    const batch = await imageBatch(images, input, start, count);
    const expected = original.run(batch);
    const got = written.run(every, [batch]) as Tensor2D[];
    for (const [exit, scores] of got.entries()) {
      const [difference, agreed] = differences(expected[exit] as Tensor, scores, isSoftened[exit] === true);
      // Written so that a NaN stays one.
      maxDifference = difference <= maxDifference ? maxDifference : difference;
      same += agreed;
    }
    dispose([batch, ...expected, ...got]);
  }
  return { maxDifference, sameTop1: same / (images.count * metadata.exits.length) };
}

/** @returns the largest difference of a score, and how many rows have the same top class */
function differences(original: Tensor, scores: Tensor2D, isSoftened: boolean): readonly [number, number] {
  return tidy(() => {
    const raw = reshape(original, scores.shape);
    const expected = isSoftened ? softmax(raw) : raw;
    const difference = max(abs(sub(scores, expected))).dataSync()[0] as number;
    const tops = [scores, expected].map((one) => argMax(one, 1).dataSync());
    const agreed = [...tops[0]!].filter((top, row) => top === tops[1]![row]).length;
    return [difference, agreed] as const;
  });
}
