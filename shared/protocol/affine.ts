/** Whole numbers of 8 or 4 bits that stand for values: value = offset + q * scale. */
export interface Affine {
  readonly scale: number;
  readonly offset: number;
}

export type AffineBits = 8 | 4;

/** Steps over the values' own range: nothing is clipped, and no value is off by more than half a step. */
export function affineOver(low: number, high: number, bits: AffineBits): Affine {
  return { scale: high > low ? (high - low) / (2 ** bits - 1) : 1, offset: low };
}

/** Two values a byte, the first in the low four bits; the last byte's high bits are 0 where one is left over. */
export function quantise(values: Float32Array, { scale, offset }: Affine, bits: AffineBits): Uint8Array {
  // Rounds by adding a half, since storing a byte and `| 0` truncate.
  const steps = 1 / scale;
  if (bits === 8) {
    const data = new Uint8Array(values.length);
    for (let i = 0; i < values.length; i++) data[i] = (values[i]! - offset) * steps + 0.5;
    return data;
  }
  const data = new Uint8Array((values.length + 1) >> 1);
  for (let i = 0; i < values.length; i++) {
    const q = ((values[i]! - offset) * steps + 0.5) | 0;
    data[i >> 1]! |= i & 1 ? q << 4 : q;
  }
  return data;
}

/**
 * The values of a batch.
 *
 * @param data  of 4 bits: every image starts with a byte of its own, and what fills its last byte up is ignored
 * @param count values of one image
 */
export function dequantise(
  data: Uint8Array,
  { scale, offset }: Affine,
  bits: AffineBits,
  batch: number,
  count: number,
): Float32Array {
  const values = new Float32Array(batch * count);
  if (bits === 8) {
    for (let i = 0; i < values.length; i++) values[i] = offset + data[i]! * scale;
    return values;
  }
  const each = (count + 1) >> 1;
  const levels = Float32Array.from({ length: 16 }, (_, q) => offset + q * scale);
  for (let image = 0; image < batch; image++) {
    for (let i = 0; i < count; i++) {
      const byte = data[image * each + (i >> 1)]!;
      values[image * count + i] = levels[i & 1 ? byte >> 4 : byte & 15]!;
    }
  }
  return values;
}
