import { type Affine, affineCodec } from "./affine.ts";
import type { TensorCodec } from "./codec.ts";

/** Whole numbers of 8 bits over the tensor's own range. Without parameters, the bytes of a picture. */
export const uint8 = {
  carries: "tensors",
  bits: 8,
  datatype: {
    name: "UINT8",
    bytes: 1,
    json: {
      integers: [0, 255],
      characters: 3.6,
      read: (numbers) => Uint8Array.from(numbers),
      write: (data) => [...data],
    },
  },
  isExact: false,
  ...affineCodec({ bits: 8, quantise, dequantise }),
  usual: {
    encode: { perTensorMs: 0.01, perElementMs: 6e-6 },
    decode: { perTensorMs: 0.005, perElementMs: 4e-6 },
  },
} as const satisfies TensorCodec;

function quantise(values: Float32Array, { scale, offset }: Affine): Uint8Array {
  const steps = 1 / scale;
  const data = new Uint8Array(values.length);
  // Rounds by adding a half, since storing a byte truncates.
  for (let i = 0; i < values.length; i++) data[i] = (values[i]! - offset) * steps + 0.5;
  return data;
}

function dequantise(data: Uint8Array, { scale, offset }: Affine): Float32Array {
  const values = new Float32Array(data.length);
  for (let i = 0; i < values.length; i++) values[i] = offset + data[i]! * scale;
  return values;
}
