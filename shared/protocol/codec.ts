import { EddiError } from "#shared/errors";
import type { TensorInfo } from "#shared/model";
import type { Parameters, WireTensor } from "./frame.ts";

/** How a cut tensor travels: as it is, or as 8 bits per value, affine: value = offset + q * scale. */
export type Codec = "float32" | "uint8";

export const CODECS: readonly Codec[] = ["uint8", "float32"];

/** A tensor ready for a request, and the request parameters that belong to it. */
export interface EncodedTensor {
  readonly tensor: WireTensor;
  readonly parameters: Parameters;
}

/**
 * Encodes the values of one image's tensor.
 *
 * uint8 uses the values' own range, so nothing is clipped and the error is at most half a step,
 * (max - min) / 510. The quantisation stands in the request's parameters `q.<name>.scale` and
 * `q.<name>.offset`, since common clients cannot set parameters of an input.
 *
 * @param shape  with the batch axis
 * @param values float32, row-major
 * @throws EddiError `bad-tensor` for a value that is not finite
 */
export function encodeTensor(
  name: string,
  shape: readonly number[],
  values: Float32Array,
  codec: Codec,
): EncodedTensor {
  const [low, high] = rangeOf(name, values);
  if (codec === "float32") {
    const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    return { tensor: { name, datatype: "FP32", shape, data }, parameters: {} };
  }
  const scale = high > low ? (high - low) / 255 : 1;
  const data = new Uint8Array(values.length);
  // Rounds by adding a half, since storing a byte truncates.
  const steps = 1 / scale;
  for (let i = 0; i < values.length; i++) data[i] = (values[i]! - low) * steps + 0.5;
  return {
    tensor: { name, datatype: "UINT8", shape, data },
    parameters: { [`q.${name}.scale`]: scale, [`q.${name}.offset`]: low },
  };
}

/**
 * Decodes a tensor of a request after checking it against the model. UINT8 without scale and offset is
 * read over the tensor's calibrated range, so the bytes of an RGB image are an image.
 *
 * @param expected what the model says of this tensor, without the batch axis
 * @returns float32, row-major; the caller's own copy
 * @throws EddiError `bad-tensor`, saying what was expected and what came
 */
export function decodeTensor(tensor: WireTensor, expected: TensorInfo, parameters: Parameters): Float32Array {
  const { name, datatype, shape, data } = tensor;
  const sameShape =
    shape.length === expected.shape.length + 1 && expected.shape.every((n, i) => n === shape[i + 1]);
  if (!sameShape) {
    throw new EddiError("bad-tensor", `${name}: expected shape [-1,${expected.shape}], got [${shape}]`);
  }
  if (datatype === "FP32") {
    // Copied, since a view into a frame need not be aligned.
    const values = new Float32Array(new Uint8Array(data).buffer);
    rangeOf(name, values);
    return values;
  }
  if (datatype !== "UINT8") {
    throw new EddiError("bad-tensor", `${name}: expected datatype FP32 or UINT8, got ${datatype}`);
  }
  const [scale, offset] = quantisation(name, expected, parameters);
  const values = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) values[i] = offset + data[i]! * scale;
  return values;
}

/** Scale and offset as the request tells them, else from the calibrated range: 0 is its low end, 255 its high. */
function quantisation(name: string, expected: TensorInfo, parameters: Parameters): [number, number] {
  const [low, high] = expected.range;
  const keys = [`q.${name}.scale`, `q.${name}.offset`] as const;
  if (keys.every((key) => parameters[key] === undefined)) return [(high - low) / 255, low];
  const [scale, offset] = keys.map((key) => {
    const value = parameters[key];
    if (typeof value === "number" && Math.abs(value) < 1e30) return value;
    throw new EddiError("bad-tensor", `parameter ${key}: expected a finite number, got ${value}`);
  });
  return [scale!, offset!];
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
