import type { TensorCodec } from "./codec.ts";

/** Half precision, rounded to nearest, ties to even. Holds no value beyond 65504. */
export const float16 = {
  carries: "tensors",
  bits: 16,
  datatype: { name: "FP16", bytes: 2, json: null },
  isExact: false,
  // Half of the step between neighbours: 11 bits, or 2^-24 where they are fixed.
  mostOff: (value) => Math.max(Math.abs(value) * 2 ** -11, 2 ** -25),
  encode: ({ values }) => {
    const data = toFloat16(values);
    return data && { data, parameters: {} };
  },
  decode: fromFloat16,
  usual: {
    encode: { perTensorMs: 0.01, perElementMs: 1.2e-5 },
    decode: { perTensorMs: 0.005, perElementMs: 8e-6 },
  },
} as const satisfies TensorCodec;

/** The largest finite value that half precision holds, and the least magnitude that rounds beyond it. */
const INFINITE = 0x7c00;
const OVERFLOWS = 0x477ff000;
/** Below 2^-14 half precision is fixed point with steps of 2^-24. */
const LEAST_NORMAL = 0x38800000;
/** Bits of 0.5, whose neighbours lie 2^-24 apart: adding it rounds to just these steps. */
const HALF = 0x3f000000;

/**
 * IEEE 754 half precision, rounded to nearest, ties to even.
 *
 * @param values finite
 * @returns two bytes a value, little-endian; null when one of them rounds beyond 65504
 */
export function toFloat16(values: Float32Array): Uint8Array | null {
  const halves = new Uint16Array(values.length);
  const scratch = new Float32Array(1);
  const bits = new Uint32Array(scratch.buffer);
  for (let i = 0; i < values.length; i++) {
    scratch[0] = values[i]!;
    const sign = (bits[0]! >>> 16) & 0x8000;
    const magnitude = bits[0]! & 0x7fffffff;
    if (magnitude >= OVERFLOWS) return null;
    if (magnitude >= LEAST_NORMAL) {
      // 112 is the difference of the exponents' biases; a carry out of the fraction raises the exponent.
      const rounded = magnitude - (112 << 23) + 0xfff + ((magnitude >>> 13) & 1);
      halves[i] = sign | (rounded >>> 13);
    } else {
      scratch[0] = Math.abs(values[i]!) + 0.5;
      halves[i] = sign | (bits[0]! - HALF);
    }
  }
  return new Uint8Array(halves.buffer);
}

/**
 * The values of little-endian half precision, exactly. What is infinite or no number comes out as that.
 *
 * @param data two bytes a value, anywhere in a buffer
 */
export function fromFloat16(data: Uint8Array): Float32Array {
  const values = new Float32Array(data.length >> 1);
  const table = halfTable();
  for (let i = 0; i < values.length; i++) values[i] = table[data[2 * i]! | (data[2 * i + 1]! << 8)]!;
  return values;
}

let table: Float32Array | null = null;

/** By bits: all there are. Made on first use. */
function halfTable(): Float32Array {
  if (table !== null) return table;
  table = new Float32Array(1 << 16);
  for (let bits = 0; bits < table.length; bits++) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits & INFINITE) >> 10;
    const fraction = bits & 0x3ff;
    if (exponent === 0) table[bits] = sign * fraction * 2 ** -24;
    else if (exponent < 31) table[bits] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
    else table[bits] = fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  }
  return table;
}
