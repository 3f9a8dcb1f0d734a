import { EddiError } from "#shared/errors";
import { elementCount, type ImageCodec, type TensorCodec, type TensorInfo } from "#shared/model";
import { type Affine, type AffineBits, affineOver, dequantise, quantise } from "./affine.ts";
import { joinElements } from "./elements.ts";
import { fromFloat16, toFloat16 } from "./float16.ts";
import type { Parameters, WireTensor } from "./frame.ts";

/** A tensor ready for a request, and the request parameters that belong to it. */
export interface EncodedTensor {
  readonly tensor: WireTensor;
  readonly parameters: Parameters;
}

/** Values of one tensor, for one image or a batch. */
export interface DecodedTensor {
  /** With the batch axis. */
  readonly shape: readonly number[];
  /** float32, row-major; the caller's own copy. */
  readonly values: Float32Array;
}

/**
 * Encodes the values of one image's tensor.
 *
 * - `float16`: rounded to nearest, ties to even. A tensor with a value beyond 65504 travels as float32.
 * - `uint8`, `uint4`: affine over the values' own range, so nothing is clipped and the error is at most half a
 *   step, (max - min) / 510 or / 30. The quantisation stands in the request's parameters `q.<name>.scale` and
 *   `q.<name>.offset`, since common clients cannot set parameters of an input. uint4 packs two values a byte, the
 *   first in the low bits: UINT8 [1, bytes], with `q.<name>.bits` 4.
 *
 * @param shape  with the batch axis
 * @param values float32, row-major
 * @throws EddiError `bad-tensor` for a value that is not finite
 */
export function encodeTensor(
  name: string,
  shape: readonly number[],
  values: Float32Array,
  codec: TensorCodec,
): EncodedTensor {
  const [low, high] = rangeOf(name, values);
  if (codec === "float32" || codec === "float16") {
    const halves = codec === "float16" ? toFloat16(values) : null;
    const data = halves ?? new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    return { tensor: { name, datatype: halves ? "FP16" : "FP32", shape, data }, parameters: {} };
  }
  const bits = codec === "uint8" ? 8 : 4;
  const affine = affineOver(low, high, bits);
  const data = quantise(values, affine, bits);
  const parameters = { [`q.${name}.scale`]: affine.scale, [`q.${name}.offset`]: affine.offset };
  if (bits === 8) return { tensor: { name, datatype: "UINT8", shape, data }, parameters };
  const packed: WireTensor = { name, datatype: "UINT8", shape: [1, data.length], data };
  return { tensor: packed, parameters: { ...parameters, [`q.${name}.bits`]: bits } };
}

/** One image as a file's bytes, of the model's size: BYTES [1], with `image.<name>` its media type. */
export function encodeImage(name: string, codec: ImageCodec, file: Uint8Array): EncodedTensor {
  return {
    tensor: { name, datatype: "BYTES", shape: [1], data: joinElements([file]) },
    parameters: { [`image.${name}`]: `image/${codec}` },
  };
}

/**
 * Decodes a tensor of a request after checking it against the model; all but BYTES, whose images the service
 * decodes. UINT8 without scale and offset is read over the tensor's calibrated range, so the bytes of an RGB image
 * are an image.
 *
 * @param expected what the model says of this tensor, without the batch axis
 * @throws EddiError `bad-tensor`, saying what was expected and what came
 */
export function decodeTensor(
  tensor: WireTensor,
  expected: TensorInfo,
  parameters: Parameters,
): DecodedTensor {
  const { name, datatype, shape, data } = tensor;
  const bits = bitsOf(name, datatype, parameters);
  const count = elementCount(expected.shape);
  const sides = bits === 4 ? [(count + 1) >> 1] : expected.shape;
  const sameShape = shape.length === sides.length + 1 && sides.every((n, i) => n === shape[i + 1]);
  if (!sameShape) {
    throw new EddiError("bad-tensor", `${name}: expected shape [-1,${sides}], got [${shape}]`);
  }
  const batch = shape[0]!;
  const decoded = [batch, ...expected.shape];
  if (datatype === "UINT8") {
    const affine = quantisation(name, expected, parameters, bits);
    return { shape: decoded, values: dequantise(data, affine, bits, batch, count) };
  }
  if (datatype !== "FP32" && datatype !== "FP16") {
    throw new EddiError("bad-tensor", `${name}: expected datatype FP32, FP16 or UINT8, got ${datatype}`);
  }
  // Copied, since a view into a frame need not be aligned.
  const values = datatype === "FP16" ? fromFloat16(data) : new Float32Array(new Uint8Array(data).buffer);
  rangeOf(name, values);
  return { shape: decoded, values };
}

/** Of a UINT8 tensor's values; 8 of any other. */
function bitsOf(name: string, datatype: string, parameters: Parameters): AffineBits {
  const key = `q.${name}.bits`;
  const bits = parameters[key] ?? 8;
  if (bits !== 8 && bits !== 4) {
    throw new EddiError("bad-tensor", `parameter ${key}: expected 8 or 4, got ${bits}`);
  }
  if (bits === 4 && datatype !== "UINT8") {
    throw new EddiError(
      "bad-tensor",
      `${name}: expected datatype UINT8 with 4 bits a value, got ${datatype}`,
    );
  }
  return bits;
}

/** As the request tells it, else from the calibrated range: 0 is its low end, the greatest number its high. */
function quantisation(name: string, expected: TensorInfo, parameters: Parameters, bits: AffineBits): Affine {
  const [low, high] = expected.range;
  const keys = [`q.${name}.scale`, `q.${name}.offset`] as const;
  if (keys.every((key) => parameters[key] === undefined)) return affineOver(low, high, bits);
  const [scale, offset] = keys.map((key) => {
    const value = parameters[key];
    if (typeof value === "number" && Math.abs(value) < 1e30) return value;
    throw new EddiError("bad-tensor", `parameter ${key}: expected a finite number, got ${value}`);
  });
  return { scale: scale!, offset: offset! };
}

/** @throws EddiError `bad-tensor` for a value that is not finite: it makes neither a range nor a scale */
function rangeOf(name: string, values: Float32Array): [number, number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  let zero = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value < low) low = value;
    if (value > high) high = value;
    // Stays 0 as long as every value is finite: infinity times 0 is NaN.
    zero += value * 0;
  }
  if (zero === 0) return [low, high];
  const at = values.findIndex((value) => !Number.isFinite(value));
  throw new EddiError("bad-tensor", `${name}: expected finite values, got ${values[at]} at ${at}`);
}
