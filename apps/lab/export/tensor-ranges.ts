import type { GraphModel } from "@tensorflow/tfjs-converter";
import { dispose, max, min, stack, type Tensor, type Tensor4D, tidy } from "@tensorflow/tfjs-core";
import type { Ranges } from "./artifact.ts";
import type { ExportGraph } from "./walk.ts";

/**
 * Smallest and largest value of every tensor over some images.
 *
 * @param model the exported graph, as TF.js loaded it
 * @param batches float32 [batch, height, width, channels]; disposed here
 */
export function tensorRanges(
  model: Pick<GraphModel, "execute">,
  graph: ExportGraph,
  batches: Iterable<Tensor4D>,
): Ranges {
  const computed = graph.nodes.filter(({ op }) => op !== "Placeholder").map(({ name }) => name);
  const input = graph.nodes.find(({ op }) => op === "Placeholder")?.name;
  const ranges = new Map<string, [number, number]>();
  for (const images of batches) {
    const seen = tidy(() => {
      const outputs = computed.map((name) => `${name}:0`);
      const tensors = [model.execute({ [`${input}:0`]: images }, outputs)].flat() as Tensor[];
      return stack(tensors.flatMap((tensor) => [min(tensor), max(tensor)]));
    });
    const bounds = seen.dataSync();
    dispose([seen, images]);
    for (const [i, name] of computed.entries()) {
      const [lo, hi] = ranges.get(name) ?? [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
      ranges.set(name, [Math.min(lo, bounds[2 * i] as number), Math.max(hi, bounds[2 * i + 1] as number)]);
    }
  }
  return ranges;
}
