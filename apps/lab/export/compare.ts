import type { GraphModel, Tensor, Tensor2D, Tensor4D } from "@tensorflow/tfjs";
import type { Tf } from "../engine/native.ts";
import type { Network } from "../train/architectures/index.ts";
import type { ExportGraph } from "./walk.ts";

export interface Comparison {
  /** Largest difference of any probability at any exit. */
  readonly maxDifference: number;
  /** Share of answers with the same top class, over all exits, 0..1. */
  readonly sameTop1: number;
}

/**
 * The trained network against what was exported from it.
 *
 * @param images float32 [batch, height, width, 3]; stays the caller's
 */
export function compare(
  tf: Tf,
  network: Network,
  model: GraphModel,
  graph: ExportGraph,
  images: Tensor4D,
): Comparison {
  return tf.tidy(() => {
    const logits = [network.answers.apply(images, { training: false })].flat() as Tensor2D[];
    const input = graph.nodes.find(({ op }) => op === "Placeholder")?.name;
    const outputs = graph.exits.map(({ node }) => `${node}:0`);
    const exported = [model.execute({ [`${input}:0`]: images }, outputs)].flat() as Tensor2D[];
    const number = (tensor: Tensor): number => tensor.dataSync()[0] as number;
    const each = exported.map((scores, exit) => {
      const trained = tf.softmax(logits[exit] as Tensor2D);
      const difference = number(scores.sub(trained).abs().max());
      return { difference, same: number(scores.argMax(1).equal(trained.argMax(1)).toFloat().mean()) };
    });
    return {
      maxDifference: Math.max(...each.map(({ difference }) => difference)),
      sameTop1: each.reduce((sum, { same }) => sum + same, 0) / each.length,
    };
  });
}
