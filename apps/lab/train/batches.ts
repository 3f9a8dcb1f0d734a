import type { Tensor2D, Tensor4D } from "@tensorflow/tfjs";
import { type Random, randomFor } from "#shared/random";
import type { Photos } from "../data/photos.ts";
import type { Tf } from "../engine/native.ts";
import type { Views } from "./architectures/recipe.ts";

/** Who owns a batch disposes its tensors. */
export interface Batch {
  /** float32 [batch, size, size, 3] in -1..1, jittered values somewhat beyond. */
  readonly images: Tensor4D;
  /** Class index of each image. */
  readonly labels: Int32Array;
}

/** A random view of a photo: crop, mirror, light and colour. */
interface View {
  /** Corners y1, x1, y2, x2 in 0..1; x1 > x2 mirrors. */
  readonly box: readonly [number, number, number, number];
  /** Per colour: value = pixel * scale + shift. */
  readonly scale: readonly [number, number, number];
  readonly shift: readonly [number, number, number];
}

const MAX_ASPECT = 4 / 3;
const JITTER = 0.2;

/**
 * Augmented photos: random resized crop, mirror, contrast and colour, one native resize for the batch.
 * The view of a photo depends on (seed, epoch, photo) alone.
 *
 * @param picked indices of the photos
 */
export function trainBatch(
  tf: Tf,
  photos: Photos,
  picked: Uint32Array,
  { size, leastCrop }: Views,
  key: { readonly seed: number; readonly epoch: number },
): Batch {
  const views = Array.from(picked, (photo) =>
    randomView(randomFor(key.seed, 1, key.epoch, photo), leastCrop),
  );
  const images = tf.tidy(() => {
    const boxes = tf.tensor2d(views.map(({ box }) => [...box]));
    const which = tf.tensor1d(
      Int32Array.from(picked, (_, i) => i),
      "int32",
    );
    const crops = tf.image.cropAndResize(
      rawBatch(tf, photos, picked),
      boxes,
      which,
      [size, size],
      "bilinear",
    );
    const scale = tf.tensor4d(
      views.flatMap((view) => view.scale),
      [picked.length, 1, 1, 3],
    );
    const shift = tf.tensor4d(
      views.flatMap((view) => view.shift),
      [picked.length, 1, 1, 3],
    );
    return crops.mul(scale).add<Tensor4D>(shift);
  });
  return { images, labels: labelsOf(photos, picked) };
}

/** Whole photos, resized (bilinear, pixel centres kept) and scaled to -1..1. */
export function plainBatch(tf: Tf, photos: Photos, picked: Uint32Array, size: number): Batch {
  const images = tf.tidy(() => {
    const raw = rawBatch(tf, photos, picked);
    const resized = size === photos.size ? raw : tf.image.resizeBilinear(raw, [size, size], false, true);
    return resized.div(127.5).sub<Tensor4D>(1);
  });
  return { images, labels: labelsOf(photos, picked) };
}

/** Plain batches of these photos, one after another: float32 [batch, size, size, 3], the last one maybe smaller. */
export function* plainBatches(
  tf: Tf,
  photos: Photos,
  picked: Uint32Array,
  size: number,
  batch = 64,
): Generator<Tensor4D> {
  for (let start = 0; start < picked.length; start += batch) {
    yield plainBatch(tf, photos, picked.subarray(start, start + batch), size).images;
  }
}

/**
 * Smoothed one-hot targets.
 *
 * @param smoothing share of the probability spread over all classes, 0..1
 * @returns float32 [labels, classes]
 */
export function targets(tf: Tf, labels: Int32Array, classes: number, smoothing: number): Tensor2D {
  const off = smoothing / classes;
  return tf.tidy(() => {
    const hot = tf.oneHot(tf.tensor1d(labels, "int32"), classes).toFloat();
    return hot.mul(1 - smoothing).add<Tensor2D>(off);
  });
}

/** Indices of up to `limit` photos, evenly spread over all of them and so over the classes. */
export function spread(count: number, limit: number): Uint32Array {
  const picked = Math.min(count, limit);
  return Uint32Array.from({ length: picked }, (_, i) => Math.floor((i * count) / picked));
}

function rawBatch(tf: Tf, photos: Photos, picked: Uint32Array): Tensor4D {
  const each = photos.size * photos.size * 3;
  const values = new Float32Array(picked.length * each);
  picked.forEach((photo, i) => {
    values.set(photos.pixels.subarray(photo * each, (photo + 1) * each), i * each);
  });
  return tf.tensor4d(values, [picked.length, photos.size, photos.size, 3]);
}

function labelsOf(photos: Photos, picked: Uint32Array): Int32Array {
  return Int32Array.from(picked, (photo) => photos.labels[photo] as number);
}

function randomView(random: Random, leastCrop: number): View {
  const area = leastCrop + random() * (1 - leastCrop);
  const aspect = MAX_ASPECT ** (2 * random() - 1);
  const width = Math.min(1, Math.sqrt(area * aspect));
  const height = Math.min(1, Math.sqrt(area / aspect));
  const x = random() * (1 - width);
  const y = random() * (1 - height);
  const mirrored = random() < 0.5;
  const around = (spread: number): number => spread * (2 * random() - 1);
  // Contrast and light of the whole photo, and a little of each colour's own.
  const contrast = 1 + around(JITTER);
  const light = around(JITTER);
  const scale = [0, 0, 0].map(() => (contrast * (1 + around(JITTER / 4))) / 127.5);
  const shift = [0, 0, 0].map(() => light + around(JITTER / 4) - contrast);
  return {
    box: mirrored ? [y, x + width, y + height, x] : [y, x, y + height, x + width],
    scale: scale as unknown as View["scale"],
    shift: shift as unknown as View["shift"],
  };
}
