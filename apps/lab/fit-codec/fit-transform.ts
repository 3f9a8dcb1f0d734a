import { matMul, tensor2d, tidy } from "@tensorflow/tfjs-core";
import { blockPlaces, type LinearTransform } from "#shared/codecs";
import { symmetricEigen } from "./eigen.ts";

/** Of a block: more take minutes, and a download that no tensor is worth. */
const MOST_NUMBERS = 512;
/** As many as the coder counts in a byte. */
const MOST_COMPONENTS = 256;
/** Rows of a product at once. */
const ROWS = 20_000;

/** Sides of blocks that a tensor can be parted into, smallest first. */
export function blocksOf(shape: readonly number[]): readonly number[] {
  if (shape.length !== 3) return [1];
  const [height, width, channels] = shape as [number, number, number];
  return [1, 2, 4, 5, 8].filter(
    (side) =>
      height % side === 0 && width % side === 0 && (side === 1 || side ** 2 * channels <= MOST_NUMBERS),
  );
}

/**
 * No transform: every channel by itself, about 0. Where most values are 0, as behind a ReLU, that may take fewer bits than
 * directions, along which they no longer are.
 *
 * @param values float32 [photos, ...shape]
 */
export function keepChannels(values: Float32Array, shape: readonly number[]): FittedTransform {
  const size = shape.at(-1)!;
  const components = Math.min(size, MOST_COMPONENTS);
  const basis = Float32Array.from({ length: components * size }, (_, at) => (at % (size + 1) === 0 ? 1 : 0));
  const mean = new Float32Array(size);
  const along = components === size ? values : products(values, size, basis, components);
  return { transform: { shape, block: 1, mean, basis }, along };
}

/** What was fitted, and what it makes of the values that it was fitted to. */
export interface FittedTransform {
  readonly transform: LinearTransform;
  /** float32 [blocks of all photos, components]. */
  readonly along: Float32Array;
}

/**
 * Principal components of a tensor's blocks: of all orthonormal transforms the one whose numbers take fewest bits at a
 * step (where they are Gaussian; Goyal 2001, "Theoretical foundations of transform coding").
 *
 * @param values float32 [photos, ...shape]
 * @param shape  [height, width, channels] or [channels]
 */
export function fitTransform(values: Float32Array, shape: readonly number[], block: number): FittedTransform {
  const places = blockPlaces({ shape, block });
  const size = block ** 2 * shape.at(-1)!;
  const rows = values.length / size;
  const vectors = new Float32Array(values.length);
  const mean = new Float64Array(size);
  for (let at = 0; at < values.length; at++) {
    const photo = Math.floor(at / places.length) * places.length;
    const value = values[photo + places[at - photo]!]!;
    vectors[at] = value;
    mean[at % size]! += value / rows;
  }
  const rounded = Float32Array.from(mean);
  for (let at = 0; at < vectors.length; at++) vectors[at]! -= rounded[at % size]!;
  const { vectors: directions } = symmetricEigen(covariance(vectors, size), size);
  const components = Math.min(size, MOST_COMPONENTS);
  const basis = Float32Array.from(directions.subarray(0, components * size));
  return {
    transform: { shape, block, mean: rounded, basis },
    along: products(vectors, size, basis, components),
  };
}

function covariance(vectors: Float32Array, size: number): Float64Array {
  const sums = new Float64Array(size * size);
  const rows = vectors.length / size;
  for (let start = 0; start < rows; start += ROWS) {
    const some = vectors.subarray(start * size, Math.min(rows, start + ROWS) * size);
    const part = tidy(() => {
      const matrix = tensor2d(some, [some.length / size, size]);
      return matMul(matrix, matrix, true, false).dataSync();
    });
    for (let at = 0; at < sums.length; at++) sums[at]! += part[at]! / rows;
  }
  return sums;
}

function products(
  vectors: Float32Array,
  size: number,
  basis: Float32Array,
  components: number,
): Float32Array {
  const rows = vectors.length / size;
  const along = new Float32Array(rows * components);
  for (let start = 0; start < rows; start += ROWS) {
    const some = vectors.subarray(start * size, Math.min(rows, start + ROWS) * size);
    const part = tidy(() => {
      const matrix = tensor2d(some, [some.length / size, size]);
      return matMul(matrix, tensor2d(basis, [components, size]), false, true).dataSync();
    });
    along.set(part as Float32Array, start * components);
  }
  return along;
}
