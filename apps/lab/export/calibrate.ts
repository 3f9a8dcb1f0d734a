import type { GraphModel, Tensor, Tensor4D } from "@tensorflow/tfjs";
import type { Tf } from "../train/native.ts";
import type { Ranges } from "./artifact.ts";
import type { ExportGraph } from "./walk.ts";

/**
 * Smallest and largest value of every tensor over some images.
 *
 * @param model the exported graph, as TF.js loaded it
 * @param batches float32 [batch, height, width, 3]; disposed here
 */
export function calibrate(
  tf: Tf,
  model: GraphModel,
  graph: ExportGraph,
  batches: Iterable<Tensor4D>,
): Ranges {
  const computed = graph.nodes.filter(({ op }) => op !== "Placeholder").map(({ name }) => name);
  const input = graph.nodes.find(({ op }) => op === "Placeholder")?.name;
  const ranges = new Map<string, [number, number]>();
  for (const images of batches) {
    const seen = tf.tidy(() => {
      const outputs = computed.map((name) => `${name}:0`);
      const tensors = model.execute({ [`${input}:0`]: images }, outputs) as Tensor[];
      return tf.stack(tensors.flatMap((tensor) => [tensor.min(), tensor.max()]));
    });
    const bounds = seen.dataSync();
    tf.dispose([seen, images]);
    for (const [i, name] of computed.entries()) {
      const [lo, hi] = ranges.get(name) ?? [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
      ranges.set(name, [Math.min(lo, bounds[2 * i] as number), Math.max(hi, bounds[2 * i + 1] as number)]);
    }
  }
  return ranges;
}
