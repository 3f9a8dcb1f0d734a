import { elementCount } from "#shared/model";
import type { SegmentModel } from "#shared/runtime";
import type { Photos } from "../data/photos.ts";
import { inputBatch } from "../evaluate/exit-scores.ts";

const BATCH = 25;

/**
 * One tensor of the model for every photo.
 *
 * @returns float32 [photos, ...shape]
 */
export async function tensorValues(
  segments: SegmentModel,
  photos: Photos,
  name: string,
  onProgress: (share: number) => void = () => {},
): Promise<Float32Array> {
  const { metadata, dag } = segments.model;
  const each = elementCount(metadata.tensors[name]!.shape);
  const values = new Float32Array(photos.count * each);
  const segment = { nodes: dag.names.slice(1), feeds: [metadata.input.node], outputs: [name] };
  for (let start = 0; start < photos.count; start += BATCH) {
    const count = Math.min(BATCH, photos.count - start);
    const images = inputBatch(photos, start, count, metadata.input);
    const [output] = segments.run(segment, [images]);
    values.set((await output!.data()) as Float32Array, start * each);
    output!.dispose();
    images.dispose();
    onProgress((start + count) / photos.count);
  }
  return values;
}
