import type { FittedCodec } from "./codec.ts";
import { decodeSymbols, encodeSymbols, type SymbolTable } from "./range-coder.ts";

/** A linear transform of the tensor, one step for all that it gives, and a range coder. */
export const linear = {
  carries: "fitted",
  isExact: false,
  usual: {
    encode: { perTensorMs: 0.06, perElementMs: 6e-7 },
    decode: { perTensorMs: 0.05, perElementMs: 6e-7 },
  },
} as const satisfies FittedCodec;

/**
 * A linear transform that was fitted to one tensor of one model: the tensor's blocks of positions, each a vector, less
 * their mean, along the directions in which they differ most.
 */
export interface LinearTransform {
  /** Of the tensor, without the batch axis: [height, width, channels], or [channels]. */
  readonly shape: readonly number[];
  /** Positions along a side of a block; it divides height and width. */
  readonly block: number;
  /** Of a block: float32 [block * block * channels], rows first, channels last. */
  readonly mean: Float32Array;
  /** Orthonormal rows: float32 [components, block * block * channels]. */
  readonly basis: Float32Array;
}

/** How finely what the transform gives is told, and how probable each of these numbers is. */
export interface LinearRate {
  /** What a whole number stands for. */
  readonly step: number;
  /** By component: the number that is symbol 0; 0 or less. */
  readonly first: Int16Array;
  /** By component: of its symbols. */
  readonly tables: readonly SymbolTable[];
}

/** Codes one tensor at one rate. Plain arithmetic of doubles: the same values on every machine. */
export interface LinearCoder {
  /** @param values of one image, float32, row-major; what lies beyond the tables is cut off at their ends */
  readonly encode: (values: Float32Array) => Uint8Array;
  /**
   * @param data any bytes
   * @param into as many values as the tensor has
   * @throws EddiError `bad-tensor` for a stream that is no whole one of this tensor and rate
   */
  readonly decode: (data: Uint8Array, into: Float32Array) => void;
}

/**
 * @param range of the tensor: no decoded value lies outside
 */
export function linearCoder(
  transform: LinearTransform,
  { step, first, tables }: LinearRate,
  [low, high]: readonly [number, number],
): LinearCoder {
  const { mean } = transform;
  // As doubles at once: to widen them in each product takes as long as the product.
  const basis = Float64Array.from(transform.basis);
  const places = blockPlaces(transform);
  const size = mean.length;
  const components = tables.length;
  const blocks = places.length / size;
  const tableOf = Uint8Array.from({ length: blocks * components }, (_, at) => at % components);
  const last = tables.map(({ frequencies }) => frequencies.length - 1);
  return {
    encode: (values) => {
      const symbols = new Uint8Array(tableOf.length);
      const block = new Float64Array(size);
      const along = new Float64Array(components);
      for (let b = 0, at = 0; b < blocks; b++) {
        for (let i = 0; i < size; i++) block[i] = values[places[b * size + i]!]! - mean[i]!;
        project(block, basis, along);
        for (let k = 0; k < components; k++, at++) {
          const symbol = Math.round(along[k]! / step) - first[k]!;
          symbols[at] = Math.min(last[k]!, Math.max(0, symbol));
        }
      }
      return encodeSymbols(symbols, tableOf, tables);
    },
    decode: (data, into) => {
      const symbols = decodeSymbols(data, tableOf, tables);
      const block = new Float64Array(size);
      for (let b = 0, at = 0; b < blocks; b++) {
        block.set(mean);
        for (let k = 0; k < components; k++, at++) {
          const along = (symbols[at]! + first[k]!) * step;
          if (along === 0) continue;
          for (let i = 0, w = k * size; i < size; i++, w++) block[i]! += along * basis[w]!;
        }
        for (let i = 0; i < size; i++) {
          into[places[b * size + i]!] = Math.min(high, Math.max(low, block[i]!));
        }
      }
    },
  };
}

/** The block along each direction; four at a time, since their sums need not wait for one another. */
function project(block: Float64Array, basis: Float64Array, along: Float64Array): void {
  const size = block.length;
  let k = 0;
  for (; k + 4 <= along.length; k += 4) {
    let [a, b, c, d] = [0, 0, 0, 0];
    for (let i = 0, w = k * size; i < size; i++, w++) {
      const value = block[i]!;
      a += value * basis[w]!;
      b += value * basis[w + size]!;
      c += value * basis[w + 2 * size]!;
      d += value * basis[w + 3 * size]!;
    }
    along[k] = a;
    along[k + 1] = b;
    along[k + 2] = c;
    along[k + 3] = d;
  }
  for (; k < along.length; k++) {
    let sum = 0;
    for (let i = 0, w = k * size; i < size; i++, w++) sum += block[i]! * basis[w]!;
    along[k] = sum;
  }
}

/** Where each number of each block lies among the tensor's values, one block after the other. */
export function blockPlaces({ shape, block }: Pick<LinearTransform, "shape" | "block">): Uint32Array {
  const [height, width, channels] =
    shape.length === 3 ? (shape as [number, number, number]) : [1, 1, shape[0]!];
  const places = new Uint32Array(height * width * channels);
  let at = 0;
  for (let top = 0; top < height; top += block) {
    for (let left = 0; left < width; left += block) {
      for (let y = top; y < top + block; y++) {
        for (let x = left; x < left + block; x++) {
          for (let c = 0; c < channels; c++) places[at++] = (y * width + x) * channels + c;
        }
      }
    }
  }
  return places;
}
