import {
  CODEC_DATATYPES,
  codedBytes,
  type DecodingParameters,
  type FittedCodecName,
  type ImageCodecName,
  imageCodec,
  type LinearCoder,
  type Range,
  TENSOR_CODECS,
  type TensorCodecName,
  tensorCodec,
} from "#shared/codecs";
import { EddiError, toEddiError } from "#shared/errors";
import { elementCount, type PlainCodecName, type TensorInfo } from "#shared/model";
import { joinElements, splitElements } from "./elements.ts";
import type { Parameters, WireTensor } from "./frame.ts";
import { oneOf } from "./one-of.ts";

/** A tensor ready for a request, and the request parameters that belong to it. */
export interface EncodedTensor {
  readonly tensor: WireTensor;
  readonly parameters: Parameters;
  /** The one asked for, or float32 for values that it cannot hold. */
  readonly codec: TensorCodecName;
}

/** Values of one tensor, for one image or a batch. */
export interface DecodedTensor {
  /** With the batch axis. */
  readonly shape: readonly number[];
  /** float32, row-major; the caller's own copy. */
  readonly values: Float32Array;
}

/** What holds every finite value. */
const ANY_VALUE: TensorCodecName = "float32";

/**
 * Encodes the values of one image's tensor. What a decoder has to know beside the data stands in the request's
 * parameters `q.<name>.<parameter>`, since common clients cannot set parameters of an input. Where a value does not
 * take an element of its own, the tensor is a row of whole elements, [1, elements], with `q.<name>.bits`.
 *
 * @param shape  with the batch axis
 * @param values float32, row-major
 * @throws EddiError `bad-tensor` for a value that is not finite, `internal` for a codec that there is not
 */
export function encodeTensor(
  name: string,
  shape: readonly number[],
  values: Float32Array,
  codec: TensorCodecName,
): EncodedTensor {
  const { bits, datatype, encode } = tensorCodec(codec);
  const encoded = encode({ values, range: rangeOf(name, values) });
  if (encoded === null) return encodeTensor(name, shape, values, ANY_VALUE);
  const { data } = encoded;
  const isPacked = bits !== 8 * datatype.bytes;
  const declared = isPacked ? { ...encoded.parameters, bits } : encoded.parameters;
  const parameters = Object.entries(declared).map(([key, value]) => [`q.${name}.${key}`, value]);
  const sides = isPacked ? [1, data.length / datatype.bytes] : shape;
  return {
    tensor: { name, datatype: datatype.name, shape: sides, data },
    parameters: Object.fromEntries(parameters),
    codec,
  };
}

/**
 * The same for a server that is told nothing beside: whole numbers are of the tensor's range in the metadata, and values
 * outside of it its ends.
 *
 * @throws as `encodeTensor`
 */
export function encodePlainTensor(
  name: string,
  shape: readonly number[],
  values: Float32Array,
  codec: PlainCodecName,
  range: Range,
): WireTensor {
  rangeOf(name, values);
  const [low, high] = range;
  const { datatype, encode, isExact } = tensorCodec(codec);
  const within = isExact ? values : values.map((value) => Math.min(Math.max(value, low), high));
  return { name, datatype: datatype.name, shape, data: encode({ values: within, range })!.data };
}

/** One image as a file's bytes, of the model's size: BYTES [1], with `image.<name>` its media type. */
export function encodeImage(
  name: string,
  codec: ImageCodecName,
  file: Uint8Array,
): Omit<EncodedTensor, "codec"> {
  return {
    tensor: { name, datatype: "BYTES", shape: [1], data: joinElements([file]) },
    parameters: { [`image.${name}`]: imageCodec(codec).mediaType },
  };
}

/**
 * Encodes one image's tensor by the codec that was fitted to it: BYTES [1], with `<codec>.<name>` its rate.
 *
 * @param coder  of that rate
 * @param values float32, row-major
 * @throws EddiError `bad-tensor` for a value that is not finite
 */
export function encodeFitted(
  name: string,
  {
    codec,
    rate,
    coder,
  }: { readonly codec: FittedCodecName; readonly rate: number; readonly coder: LinearCoder },
  values: Float32Array,
): Omit<EncodedTensor, "codec"> {
  rangeOf(name, values);
  return {
    tensor: { name, datatype: "BYTES", shape: [1], data: joinElements([coder.encode(values)]) },
    parameters: { [`${codec}.${name}`]: rate },
  };
}

/**
 * Decodes a tensor of a request after checking it against the model; of BYTES those of the codec that was fitted to it:
 * images the service decodes. UINT8 without scale and offset is read over the tensor's range in the metadata, so the bytes of an RGB image
 * are an image.
 *
 * @param expected what the model says of this tensor, without the batch axis
 * @param coders   by rate: of the codec that was fitted to the tensor; none without one
 * @throws EddiError `bad-tensor`, saying what was expected and what came
 */
export function decodeTensor(
  tensor: WireTensor,
  expected: TensorInfo,
  parameters: Parameters,
  coders: readonly LinearCoder[] = [],
): DecodedTensor {
  const { name, shape, data } = tensor;
  if (tensor.datatype === "BYTES" && coders.length > 0) {
    return decodeFitted(tensor, expected, parameters, coders);
  }
  const codec = codecOf(tensor, parameters);
  const { bits, datatype, decode } = tensorCodec(codec);
  const count = elementCount(expected.shape);
  const isPacked = bits !== 8 * datatype.bytes;
  const sides = isPacked ? [Math.ceil(codedBytes(codec, count) / datatype.bytes)] : expected.shape;
  const sameShape = shape.length === sides.length + 1 && sides.every((n, i) => n === shape[i + 1]);
  if (!sameShape) {
    throw new EddiError("bad-tensor", `${name}: expected shape [-1,${sides}], got [${shape}]`);
  }
  const batch = shape[0]!;
  const of = { batch, count, range: expected.range, parameters: declaredOf(name, parameters) };
  const values = decode(data, of);
  rangeOf(name, values);
  return { shape: [batch, ...expected.shape], values };
}

/** BYTES [batch], a stream for each image, all of one rate. */
function decodeFitted(
  { name, shape, data }: WireTensor,
  expected: TensorInfo,
  parameters: Parameters,
  coders: readonly LinearCoder[],
): DecodedTensor {
  if (shape.length !== 1) {
    throw new EddiError("bad-tensor", `${name}: expected shape [-1] of streams, got [${shape}]`);
  }
  const key = `linear.${name}`;
  const rate = parameters[key];
  const coder = typeof rate === "number" ? coders[rate - 1] : undefined;
  if (coder === undefined) {
    const came = rate ?? "none";
    throw new EddiError(
      "bad-tensor",
      `parameter ${key}: expected a rate of 1 to ${coders.length}, got ${came}`,
    );
  }
  const streams = splitElements(name, data, shape[0]!);
  const count = elementCount(expected.shape);
  const values = new Float32Array(streams.length * count);
  for (const [image, stream] of streams.entries()) {
    try {
      coder.decode(stream, values.subarray(image * count, (image + 1) * count));
    } catch (thrown) {
      const { code, message } = toEddiError(thrown);
      throw new EddiError(code, `${name}: ${message}`);
    }
  }
  return { shape: [streams.length, ...expected.shape], values };
}

/** By the tensor's datatype and the bits that a value takes: of an element, unless parameters say otherwise. */
function codecOf({ name, datatype }: WireTensor, parameters: Parameters): TensorCodecName {
  const own = TENSOR_CODECS.filter((codec) => tensorCodec(codec).datatype.name === datatype);
  if (own.length === 0) {
    throw new EddiError(
      "bad-tensor",
      `${name}: expected datatype ${oneOf(CODEC_DATATYPES)}, got ${datatype}`,
    );
  }
  const key = `q.${name}.bits`;
  const bits = parameters[key] ?? 8 * tensorCodec(own[0]!).datatype.bytes;
  const found = own.find((codec) => tensorCodec(codec).bits === bits);
  if (found !== undefined) return found;
  const known = oneOf(own.map((codec) => tensorCodec(codec).bits));
  throw new EddiError("bad-tensor", `parameter ${key}: expected ${known} of ${datatype}, got ${bits}`);
}

/** What the request declares of one tensor. */
function declaredOf(name: string, parameters: Parameters): DecodingParameters {
  const keyOf = (parameter: string): string => `q.${name}.${parameter}`;
  return {
    has: (parameter) => parameters[keyOf(parameter)] !== undefined,
    numberOf: (parameter) => {
      const value = parameters[keyOf(parameter)];
      if (typeof value === "number" && Math.abs(value) < 1e30) return value;
      const expected = `parameter ${keyOf(parameter)}: expected a finite number`;
      throw new EddiError("bad-tensor", `${expected}, got ${value}`);
    },
  };
}

/** @throws EddiError `bad-tensor` for a value that is not finite: it makes neither a range nor a scale */
function rangeOf(name: string, values: Float32Array): Range {
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
