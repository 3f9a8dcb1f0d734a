import protobuf from "protobufjs/light.js";

/**
 * The part of ONNX' protocol buffers that we write: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, whose field
 * numbers these are.
 */
const MESSAGES = {
  ModelProto: {
    irVersion: ["int64", 1],
    producerName: ["string", 2],
    graph: ["GraphProto", 7],
    opsetImport: ["repeated OperatorSetIdProto", 8],
  },
  OperatorSetIdProto: { domain: ["string", 1], version: ["int64", 2] },
  GraphProto: {
    node: ["repeated NodeProto", 1],
    name: ["string", 2],
    initializer: ["repeated TensorProto", 5],
    input: ["repeated ValueInfoProto", 11],
    output: ["repeated ValueInfoProto", 12],
  },
  NodeProto: {
    input: ["repeated string", 1],
    output: ["repeated string", 2],
    name: ["string", 3],
    opType: ["string", 4],
    attribute: ["repeated AttributeProto", 5],
  },
  AttributeProto: {
    name: ["string", 1],
    f: ["float", 2],
    i: ["int64", 3],
    s: ["bytes", 4],
    ints: ["repeated int64", 8],
    type: ["int32", 20],
  },
  TensorProto: {
    dims: ["repeated int64", 1],
    dataType: ["int32", 2],
    name: ["string", 8],
    rawData: ["bytes", 9],
  },
  ValueInfoProto: { name: ["string", 1], type: ["TypeProto", 2] },
  TypeProto: { tensorType: ["TensorTypeProto", 1] },
  TensorTypeProto: { elemType: ["int32", 1], shape: ["TensorShapeProto", 2] },
  TensorShapeProto: { dim: ["repeated DimensionProto", 1] },
  DimensionProto: { dimValue: ["int64", 1], dimParam: ["string", 2] },
} as const;

/** Numbers of element types, as `TensorProto.DataType` has them. */
export const ELEMENT_TYPES = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7 } as const;
export type ElementType = keyof typeof ELEMENT_TYPES;

/** A number of an attribute is a float where its operation says so: integers are what most of them want. */
export type Attribute = number | { readonly float: number } | string | readonly number[];
export type Attributes = Readonly<Record<string, Attribute>>;

export interface OnnxNode {
  readonly opType: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes: Attributes;
}

export interface Initializer {
  readonly name: string;
  readonly type: ElementType;
  readonly dims: readonly number[];
  /** Little-endian. */
  readonly bytes: Uint8Array;
}

/** A tensor that goes in or comes out, the batch axis first. */
export interface Port {
  readonly name: string;
  readonly type: ElementType;
  /** Without the batch axis. */
  readonly shape: readonly number[];
}

export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly Initializer[];
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
}

/** What runtimes since ONNX 1.8 (2020) read; operations are written as this set has them. */
const IR_VERSION = 7;
const OPERATOR_SET = 13;

/** @returns a file of ONNX */
export function encodeModel({ name, nodes, initializers, inputs, outputs }: OnnxGraph): Uint8Array {
  const message = MODEL.fromObject({
    irVersion: IR_VERSION,
    producerName: "eddi",
    opsetImport: [{ domain: "", version: OPERATOR_SET }],
    graph: {
      name,
      node: nodes.map(({ opType, inputs, output, attributes }) => ({
        opType,
        name: output,
        input: inputs,
        output: [output],
        attribute: Object.entries(attributes).map(([name, value]) => ({ name, ...attributeOf(value) })),
      })),
      initializer: initializers.map(({ name, type, dims, bytes }) => ({
        name,
        dims,
        dataType: ELEMENT_TYPES[type],
        rawData: bytes,
      })),
      input: inputs.map(portOf),
      output: outputs.map(portOf),
    },
  });
  return MODEL.encode(message).finish();
}

/** With its number of `AttributeProto.AttributeType`. */
function attributeOf(value: Attribute): object {
  if (typeof value === "number") return { i: value, type: 2 };
  if (typeof value === "string") return { s: new TextEncoder().encode(value), type: 3 };
  if ("float" in value) return { f: value.float, type: 1 };
  return { ints: value, type: 7 };
}

function portOf({ name, type, shape }: Port): object {
  const dim = [{ dimParam: "batch" }, ...shape.map((side) => ({ dimValue: side }))];
  return { name, type: { tensorType: { elemType: ELEMENT_TYPES[type], shape: { dim } } } };
}

function readSchema(): protobuf.Root {
  const nested = Object.entries(MESSAGES).map(([message, fields]) => {
    const described = Object.entries(fields).map(([field, [kind, id]]) => {
      const type = kind.replace("repeated ", "");
      return [field, { type, id, ...(type === kind ? {} : { rule: "repeated" }) }];
    });
    return [message, { fields: Object.fromEntries(described) }];
  });
  return protobuf.Root.fromJSON({ nested: Object.fromEntries(nested) });
}

const MODEL = readSchema().lookupType("ModelProto");
