import type { Decoding, DecodingParameters, Range, TensorCodec } from "./codec.ts";

/** Whole numbers that stand for values: value = offset + q * scale. */
export interface Affine {
  readonly scale: number;
  readonly offset: number;
}

/** How numbers of so many bits lie in bytes. */
export interface Quantiser {
  readonly bits: number;
  readonly quantise: (values: Float32Array, affine: Affine) => Uint8Array;
  /** @returns float32 [batch, count] */
  readonly dequantise: (data: Uint8Array, affine: Affine, batch: number, count: number) => Float32Array;
}

/**
 * What codecs share that send whole numbers over the values' own range: nothing is clipped, and no value is off by more
 * than half a step. Scale and offset are told beside the data; without them 0 is the low end of the tensor's range,
 * and the greatest number its high one.
 */
export function affineCodec(quantiser: Quantiser): Pick<TensorCodec, "mostOff" | "encode" | "decode"> {
  const { bits, quantise, dequantise } = quantiser;
  return {
    mostOff: (_, [low, high]) =>
      (high - low) / (2 ** bits - 1) / 2 + ROUNDING * Math.max(Math.abs(low), Math.abs(high)),
    encode: ({ values, range }) => {
      const affine = affineOver(range, bits);
      return { data: quantise(values, affine), parameters: { ...affine } };
    },
    decode: (data, { batch, count, range, parameters }: Decoding) =>
      dequantise(data, affineOf(parameters) ?? affineOver(range, bits), batch, count),
  };
}

/** Of float32, when a number is made a value again. */
const ROUNDING = 1e-6;

function affineOver([low, high]: Range, bits: number): Affine {
  return { scale: high > low ? (high - low) / (2 ** bits - 1) : 1, offset: low };
}

/** @returns null without parameters */
function affineOf(parameters: DecodingParameters): Affine | null {
  if (!parameters.has("scale") && !parameters.has("offset")) return null;
  return { scale: parameters.numberOf("scale"), offset: parameters.numberOf("offset") };
}
