import { add, image, mul, type Tensor4D, tensor4d, tidy } from "@tensorflow/tfjs-core";
import type { ModelInput, Segment } from "#shared/model";
import type { SegmentModel } from "#shared/runtime";
import type { Photos } from "../data/pixels.ts";

/** How an exit did on labelled photos. */
export interface ExitResult {
  readonly exit: string;
  readonly correct: number;
  readonly photos: number;
  /** Top-1, 0..1. */
  readonly accuracy: number;
  /** Wilson's 95 % interval of the accuracy. */
  readonly low: number;
  readonly high: number;
}

const BATCH = 32;

/** Runs all exits over all photos on the active backend: whole photos, resized to the model's input. */
export async function evaluateExits(segments: SegmentModel, photos: Photos): Promise<ExitResult[]> {
  const { metadata, nodes } = segments.model;
  const every: Segment = {
    nodes: nodes.map((node) => node.name),
    feeds: [metadata.input.node],
    outputs: metadata.exits.map((exit) => exit.node),
  };
  const correct = metadata.exits.map(() => 0);
  for (let start = 0; start < photos.count; start += BATCH) {
    const count = Math.min(BATCH, photos.count - start);
    const images = inputBatch(photos, start, count, metadata.input);
    const outputs = segments.run(every, [images]);
    for (const [exit, output] of outputs.entries()) {
      const picked = argMaxRows((await output.data()) as Float32Array, metadata.labels.length);
      correct[exit]! += picked.filter((label, i) => label === photos.labels[start + i]).length;
      output.dispose();
    }
    images.dispose();
  }
  return metadata.exits.map(({ id }, at) => {
    const hits = correct[at]!;
    const [low, high] = wilson(hits, photos.count);
    return { exit: id, correct: hits, photos: photos.count, accuracy: hits / photos.count, low, high };
  });
}

/** @returns float32 [count, height, width, 3] in the model's input range */
export function inputBatch(photos: Photos, start: number, count: number, input: ModelInput): Tensor4D {
  const each = photos.size * photos.size * 3;
  const pixels = Float32Array.from(photos.pixels.subarray(start * each, (start + count) * each));
  const [low, high] = input.range;
  return tidy(() => {
    const raw = tensor4d(pixels, [count, photos.size, photos.size, 3]);
    const fits = input.height === photos.size && input.width === photos.size;
    const sized = fits ? raw : image.resizeBilinear(raw, [input.height, input.width], false, true);
    return add(mul(sized, (high - low) / 255), low);
  });
}

function argMaxRows(values: Float32Array, columns: number): number[] {
  return Array.from({ length: values.length / columns }, (_, row) => {
    const scores = values.subarray(row * columns, (row + 1) * columns);
    return scores.indexOf(scores.reduce((best, value) => Math.max(best, value), Number.NEGATIVE_INFINITY));
  });
}

/** Wilson's score interval of a proportion at 95 %. */
export function wilson(hits: number, trials: number): [number, number] {
  const z = 1.959964;
  const share = hits / trials;
  const centre = share + z ** 2 / (2 * trials);
  const half = z * Math.sqrt((share * (1 - share)) / trials + z ** 2 / (4 * trials ** 2));
  const scale = 1 + z ** 2 / trials;
  return [(centre - half) / scale, (centre + half) / scale];
}
