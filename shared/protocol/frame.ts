import { EddiError } from "#shared/errors";
import { bytesPerElement, DATATYPES, type Datatype, isDatatype, jsonOf } from "./datatype.ts";
import { splitElements } from "./elements.ts";
import { type Json, type JsonLimits, objectOf, openFrame, shown } from "./frame-json.ts";
import { oneOf } from "./one-of.ts";

/**
 * Open Inference Protocol v2 messages with the binary tensor extension: a JSON header, then the tensors
 * in their order, little-endian and row-major. The HTTP header `Inference-Header-Content-Length` tells
 * the bytes of the JSON part.
 */
export const HEADER_LENGTH = "inference-header-content-length";

export type Parameter = string | number | boolean;
export type Parameters = Readonly<Record<string, Parameter>>;

/** One tensor on the wire. */
export interface WireTensor {
  readonly name: string;
  readonly datatype: Datatype;
  /** With the batch axis first. */
  readonly shape: readonly number[];
  readonly parameters?: Parameters;
  /**
   * Row-major, little-endian; its length follows from datatype and shape. Of BYTES: the elements, each with its
   * length before it in four bytes.
   */
  readonly data: Uint8Array;
}

/** One output that a request asks for. */
export interface RequestedOutput {
  readonly name: string;
  readonly binary: boolean;
  /** Triton's `classification`: the best so many classes, as text, instead of the scores. */
  readonly classes?: number;
}

export interface InferRequest {
  readonly id?: string;
  readonly parameters: Parameters;
  readonly inputs: readonly WireTensor[];
  /** Outputs asked for; empty leaves the choice to the service. */
  readonly outputs: readonly RequestedOutput[];
  /** Whether outputs that do not say otherwise come as binary. */
  readonly binaryOutputs: boolean;
}

export interface InferResponse {
  readonly modelName: string;
  readonly modelVersion: string;
  readonly id?: string;
  readonly parameters: Parameters;
  readonly outputs: readonly WireTensor[];
}

/** A frame: the body and the length of its JSON part (the whole body when nothing is binary). */
export interface Frame {
  readonly body: Uint8Array;
  readonly jsonBytes: number;
}

/** Bounds that are checked before anything is allocated. */
export interface FrameLimits extends JsonLimits {
  readonly maxTensors: number;
  readonly maxRank: number;
  readonly maxElements: number;
}

export const FRAME_LIMITS: FrameLimits = {
  maxJsonBytes: 4 << 20,
  maxJsonDepth: 64,
  maxJsonMembers: 4096,
  maxTensors: 64,
  maxRank: 8,
  maxElements: 1 << 24,
};

/** Encodes a request with every tensor in binary. */
export function encodeRequest(request: InferRequest): Frame {
  return encode(
    {
      ...(request.id === undefined ? {} : { id: request.id }),
      parameters: { ...request.parameters, binary_data_output: request.binaryOutputs },
      ...(request.outputs.length === 0
        ? {}
        : {
            outputs: request.outputs.map(({ name, binary, classes }) => ({
              name,
              parameters: { binary_data: binary, ...(classes ? { classification: classes } : {}) },
            })),
          }),
    },
    "inputs",
    request.inputs,
    () => true,
  );
}

/**
 * Encodes a request for a server of which nothing but the protocol is known, which takes parameters for errors.
 *
 * @param isBinary whether it has Triton's extension for binary tensors; else all of the body is JSON, and no header tells
 *   the length of that
 */
export function encodePlainRequest(
  inputs: readonly WireTensor[],
  outputs: readonly string[],
  isBinary: boolean,
): Frame {
  const asked = outputs.map((name) => (isBinary ? { name, parameters: { binary_data: true } } : { name }));
  return encode({ outputs: asked }, "inputs", inputs, () => isBinary);
}

/** Encodes a response; tensors for which `binary` holds follow the JSON, the others stand in it. */
export function encodeResponse(response: InferResponse, binary: (name: string) => boolean): Frame {
  return encode(
    {
      model_name: response.modelName,
      model_version: response.modelVersion,
      ...(response.id === undefined ? {} : { id: response.id }),
      parameters: response.parameters,
    },
    "outputs",
    response.outputs,
    binary,
  );
}

/**
 * Decodes a request. Binary tensors are views of `body`.
 *
 * @param jsonBytes bytes of the JSON part, from the header; null when the whole body is JSON
 * @throws EddiError `bad-frame` for a malformed or truncated frame, `too-large` over a limit
 */
export function decodeRequest(
  body: Uint8Array,
  jsonBytes: number | null,
  limits = FRAME_LIMITS,
): InferRequest {
  const { json, rest } = openFrame(body, jsonBytes, HEADER_LENGTH, limits);
  const { binary_data_output, ...parameters } = parametersOf(json, "request");
  const binaryOutputs = flagOf(binary_data_output, "binary_data_output", false);
  return {
    ...idOf(json),
    parameters,
    inputs: decodeTensors(listOf(json.inputs, "inputs", limits), rest, limits),
    outputs: listOf(json.outputs ?? [], "outputs", limits).map((one) => outputOf(one, binaryOutputs)),
    binaryOutputs,
  };
}

/** Decodes a response; errors as `decodeRequest`. */
export function decodeResponse(
  body: Uint8Array,
  jsonBytes: number | null,
  limits = FRAME_LIMITS,
): InferResponse {
  const { json, rest } = openFrame(body, jsonBytes, HEADER_LENGTH, limits);
  return {
    modelName: String(json.model_name),
    modelVersion: String(json.model_version ?? ""),
    ...idOf(json),
    parameters: parametersOf(json, "response"),
    outputs: decodeTensors(listOf(json.outputs, "outputs", limits), rest, limits),
  };
}

function encode(
  header: Json,
  field: "inputs" | "outputs",
  tensors: readonly WireTensor[],
  isBinary: (name: string) => boolean,
): Frame {
  const described = tensors.map(({ name, datatype, shape, parameters, data }) => {
    if (!isBinary(name)) return { name, datatype, shape, parameters, data: toJson(datatype, shape, data) };
    return { name, datatype, shape, parameters: { ...parameters, binary_data_size: data.byteLength } };
  });
  const json = new TextEncoder().encode(JSON.stringify({ ...header, [field]: described }));
  const binaries = tensors.filter((tensor) => isBinary(tensor.name)).map((tensor) => tensor.data);
  const body = new Uint8Array(binaries.reduce((total, data) => total + data.byteLength, json.byteLength));
  body.set(json);
  let at = json.byteLength;
  for (const data of binaries) {
    body.set(data, at);
    at += data.byteLength;
  }
  return { body, jsonBytes: json.byteLength };
}

function decodeTensors(list: readonly Json[], rest: Uint8Array, limits: FrameLimits): readonly WireTensor[] {
  let at = 0;
  const tensors = list.map((entry): WireTensor => {
    const name = nameOf(entry, "tensor");
    const { datatype } = entry;
    if (!isDatatype(datatype)) {
      throw new EddiError("bad-tensor", `${name}: expected datatype ${oneOf(DATATYPES)}, got ${datatype}`);
    }
    const shape = shapeOf(entry.shape, name, limits);
    const elements = shape.reduce((product, side) => product * side, 1);
    const { binary_data_size: size, ...parameters } = parametersOf(entry, name);
    if (size === undefined) {
      return { name, datatype, shape, parameters, data: fromNumbers(datatype, entry.data, elements, name) };
    }
    const each = bytesPerElement(datatype);
    const bytes = each === null ? binarySize(size, name) : elements * each;
    if (size !== bytes) {
      throw new EddiError(
        "bad-tensor",
        `${name}: expected ${bytes} bytes for ${datatype} [${shape}], got binary_data_size ${size}`,
      );
    }
    if (at + bytes > rest.byteLength) {
      throw new EddiError(
        "bad-frame",
        `${name}: expected ${bytes} bytes, got ${rest.byteLength - at}: truncated`,
      );
    }
    // What BYTES are made of is for those to look at who know which tensors there are, and how many images.
    const data = rest.subarray(at, at + bytes);
    at += bytes;
    return { name, datatype, shape, parameters, data };
  });
  if (at !== rest.byteLength) {
    throw new EddiError(
      "bad-frame",
      `expected ${at} bytes of tensors after the JSON, got ${rest.byteLength}`,
    );
  }
  return tensors;
}

/** Of elements of any length. */
function binarySize(size: Parameter, name: string): number {
  if (Number.isSafeInteger(size) && (size as number) >= 0) return size as number;
  throw new EddiError("bad-tensor", `${name}: expected binary_data_size in bytes, got ${shown(size)}`);
}

function shapeOf(value: unknown, name: string, limits: FrameLimits): readonly number[] {
  const sides = Array.isArray(value) ? (value as unknown[]) : [];
  const valid = sides.every((side) => Number.isSafeInteger(side) && (side as number) > 0);
  if (!Array.isArray(value) || !valid || sides.length > limits.maxRank) {
    throw new EddiError("bad-tensor", `${name}: expected a shape of positive integers, got ${shown(value)}`);
  }
  let elements = 1;
  for (const side of sides as number[]) {
    elements *= side;
    if (elements > limits.maxElements) {
      throw new EddiError(
        "too-large",
        `${name}: expected at most ${limits.maxElements} elements, got [${sides}]`,
      );
    }
  }
  return sides as number[];
}

function toJson(datatype: Datatype, shape: readonly number[], data: Uint8Array): (number | string)[] {
  if (datatype === "BYTES") {
    const elements = splitElements(
      "BYTES",
      data,
      shape.reduce((product, side) => product * side, 1),
    );
    return elements.map((element) => new TextDecoder().decode(element));
  }
  const json = jsonOf(datatype);
  if (json !== null) return json.write(data);
  throw new EddiError("bad-tensor", `expected another datatype in JSON, got ${datatype}: ask for binary`);
}

function fromNumbers(datatype: Datatype, value: unknown, elements: number, name: string): Uint8Array {
  const numbers: number[] = [];
  const areNumbers = Array.isArray(value) && collectNumbers(value, numbers, elements, 8);
  const json = jsonOf(datatype);
  if (json === null) {
    throw new EddiError("bad-tensor", `${name}: expected ${datatype} as binary data, got JSON`);
  }
  if (!areNumbers || numbers.length !== elements) {
    const others = areNumbers || numbers.length > elements ? "" : " and something else";
    const came = Array.isArray(value) ? `${numbers.length} values${others}` : typeof value;
    throw new EddiError("bad-tensor", `${name}: expected ${elements} numbers or binary data, got ${came}`);
  }
  if (json.integers !== null) {
    const [low, high] = json.integers;
    const outside = numbers.find((item) => !Number.isInteger(item) || item < low || item > high);
    if (outside !== undefined) {
      throw new EddiError("bad-tensor", `${name}: expected integers from ${low} to ${high}, got ${outside}`);
    }
  }
  return json.read(numbers);
}

/** Flattens; `flat` would take twenty times as long. Stops at what is no number, and after `max`. */
function collectNumbers(value: readonly unknown[], into: number[], max: number, depth: number): boolean {
  return value.every((item) => {
    if (Array.isArray(item)) return depth > 1 && collectNumbers(item, into, max, depth - 1);
    return typeof item === "number" && into.push(item) <= max;
  });
}

function listOf(value: unknown, field: string, limits: FrameLimits): readonly Json[] {
  if (!Array.isArray(value))
    throw new EddiError("bad-frame", `${field}: expected an array, got ${typeof value}`);
  if (value.length > limits.maxTensors) {
    throw new EddiError("too-large", `${field}: expected at most ${limits.maxTensors}, got ${value.length}`);
  }
  return value.map((entry, at) => objectOf(entry, `${field}[${at}]`));
}

function nameOf(entry: Json, field: string): string {
  if (typeof entry.name === "string" && entry.name.length > 0 && entry.name.length <= 512) return entry.name;
  throw new EddiError("bad-frame", `${field}: expected a name, got ${shown(entry.name)}`);
}

function outputOf(entry: Json, binaryOutputs: boolean): RequestedOutput {
  const name = nameOf(entry, "outputs");
  const { binary_data, classification: classes } = parametersOf(entry, "output");
  const binary = flagOf(binary_data, "binary_data", binaryOutputs);
  if (classes === undefined || classes === 0) return { name, binary };
  if (Number.isSafeInteger(classes) && (classes as number) > 0) {
    return { name, binary, classes: classes as number };
  }
  throw new EddiError("bad-frame", `classification: expected a number of classes, got ${shown(classes)}`);
}

function flagOf(value: Parameter | undefined, name: string, fallback: boolean): boolean {
  if (value === undefined) return fallback;
  if (typeof value === "boolean") return value;
  throw new EddiError("bad-frame", `${name}: expected true or false, got ${shown(value)}`);
}

function idOf({ id }: Json): { id?: string } {
  if (id === undefined || id === null) return {};
  if (["string", "number"].includes(typeof id) && String(id).length <= 512) return { id: String(id) };
  throw new EddiError("bad-frame", `id: expected at most 512 characters, got ${shown(id)}`);
}

function parametersOf(entry: Json, name: string): Record<string, Parameter> {
  const parameters = objectOf(entry.parameters ?? {}, `${name}: parameters`);
  const given: Record<string, Parameter> = {};
  for (const [key, value] of Object.entries(parameters)) {
    // As if it were not there: clients send so what they have not set.
    if (value === null) continue;
    if (!["string", "number", "boolean"].includes(typeof value)) {
      throw new EddiError(
        "bad-frame",
        `parameter ${key}: expected a string, number or boolean, got ${typeof value}`,
      );
    }
    given[key] = value as Parameter;
  }
  return given;
}
