import { Builder, type Offset } from "flatbuffers";

/**
 * The part of TFLite's schema that we write: https://github.com/tensorflow/tensorflow/blob/master/tensorflow/compiler/mlir/lite/schema/schema.fbs,
 * whose numbers these are. Fields are named by their place in their table.
 */
const IDENTIFIER = "TFL3";
const VERSION = 3;

type Kind = "byte" | "int" | "float";
type Fields = Readonly<Record<string, readonly [place: number, kind: Kind]>>;

interface OperatorType {
  readonly code: number;
  /** Of the union of option tables; absent where it has none that matter. */
  readonly options?: { readonly type: number; readonly fields: Fields };
}

const REDUCER = { type: 27, fields: { keepDims: [0, "byte"] } } as const;
const POOL = {
  type: 5,
  fields: {
    padding: [0, "byte"],
    strideWidth: [1, "int"],
    strideHeight: [2, "int"],
    filterWidth: [3, "int"],
    filterHeight: [4, "int"],
  },
} as const;

const OPERATORS = {
  ABS: { code: 101 },
  ADD: { code: 0, options: { type: 11, fields: {} } },
  AVERAGE_POOL_2D: { code: 1, options: POOL },
  CEIL: { code: 104 },
  CONCATENATION: { code: 2, options: { type: 10, fields: { axis: [0, "int"] } } },
  CONV_2D: {
    code: 3,
    options: {
      type: 1,
      fields: {
        padding: [0, "byte"],
        strideWidth: [1, "int"],
        strideHeight: [2, "int"],
        activation: [3, "byte"],
        dilationWidth: [4, "int"],
        dilationHeight: [5, "int"],
      },
    },
  },
  DEPTHWISE_CONV_2D: {
    code: 4,
    options: {
      type: 2,
      fields: {
        padding: [0, "byte"],
        strideWidth: [1, "int"],
        strideHeight: [2, "int"],
        multiplier: [3, "int"],
        activation: [4, "byte"],
        dilationWidth: [5, "int"],
        dilationHeight: [6, "int"],
      },
    },
  },
  DIV: { code: 42, options: { type: 29, fields: {} } },
  ELU: { code: 111 },
  EXP: { code: 47 },
  FLOOR: { code: 8 },
  FULLY_CONNECTED: { code: 9, options: { type: 8, fields: { activation: [0, "byte"] } } },
  LEAKY_RELU: { code: 98, options: { type: 75, fields: { alpha: [0, "float"] } } },
  LOG: { code: 73 },
  LOGISTIC: { code: 14 },
  LOG_SOFTMAX: { code: 50 },
  MAXIMUM: { code: 55 },
  MAX_POOL_2D: { code: 17, options: POOL },
  MEAN: { code: 40, options: REDUCER },
  MINIMUM: { code: 57 },
  MIRROR_PAD: { code: 100, options: { type: 77, fields: { mode: [0, "byte"] } } },
  MUL: { code: 18, options: { type: 21, fields: {} } },
  NEG: { code: 59 },
  PAD: { code: 34 },
  PADV2: { code: 60 },
  POW: { code: 78 },
  PRELU: { code: 54 },
  REDUCE_MAX: { code: 82, options: REDUCER },
  REDUCE_MIN: { code: 89, options: REDUCER },
  RELU: { code: 19 },
  RELU6: { code: 21 },
  RESHAPE: { code: 22 },
  RESIZE_BILINEAR: {
    code: 23,
    options: { type: 15, fields: { alignCorners: [2, "byte"], halfPixelCenters: [3, "byte"] } },
  },
  RESIZE_NEAREST_NEIGHBOR: {
    code: 97,
    options: { type: 74, fields: { alignCorners: [0, "byte"], halfPixelCenters: [1, "byte"] } },
  },
  ROUND: { code: 116 },
  RSQRT: { code: 76 },
  SLICE: { code: 65 },
  SOFTMAX: { code: 25, options: { type: 9, fields: { beta: [0, "float"] } } },
  SQRT: { code: 75 },
  SQUARE: { code: 92 },
  SQUARED_DIFFERENCE: { code: 99 },
  SUB: { code: 41, options: { type: 28, fields: {} } },
  SUM: { code: 74, options: REDUCER },
  TANH: { code: 28 },
  TRANSPOSE: { code: 39 },
} as const satisfies Readonly<Record<string, OperatorType>>;

export type OperatorName = keyof typeof OPERATORS;

/** How far windows reach beyond the edge, and what is fused behind an operator, by number. */
export const PADDINGS = { SAME: 0, VALID: 1 } as const;
export const ACTIVATIONS = { none: 0, Relu: 1, Relu6: 3 } as const;

const TYPES = { float32: 0, int32: 2 } as const;

export interface TfliteTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** Of a constant; null of what is computed or fed, which is float32. */
  readonly values: Float32Array | Int32Array | null;
}

export interface TfliteOperator {
  readonly type: OperatorName;
  /** Indices of tensors. */
  readonly inputs: readonly number[];
  readonly output: number;
  readonly options: Readonly<Record<string, number>>;
}

export interface TfliteGraph {
  readonly name: string;
  readonly tensors: readonly TfliteTensor[];
  readonly operators: readonly TfliteOperator[];
  /** Indices of tensors. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

/** What runtimes want values of constants to begin at a multiple of. */
const ALIGNMENT = 16;

/** @returns a file of TFLite */
export function encodeModel({ name, tensors, operators, inputs, outputs }: TfliteGraph): Uint8Array {
  const bytes = tensors.reduce((sum, { values }) => sum + (values?.byteLength ?? 0) + ALIGNMENT, 0);
  const to = new Builder(bytes + 2 ** 16);
  const types = [...new Set(operators.map(({ type }) => type))];
  // Buffer 0 is the empty one, of tensors that are no constants.
  const constants = tensors.filter(({ values }) => values !== null);
  const buffers = [table(to, 1, () => {}), ...constants.map(({ values }) => bufferOf(to, values!))];
  const tables = tensors.map((one) => tensorOf(to, one, constants.indexOf(one) + 1));
  const rows = operators.map((one) => operatorOf(to, one, types.indexOf(one.type)));
  const graph = {
    tensors: offsets(to, tables),
    inputs: integers(to, inputs),
    outputs: integers(to, outputs),
    operators: offsets(to, rows),
    name: to.createString(name),
  };
  const subgraph = table(to, 5, () => {
    for (const [place, offset] of Object.values(graph).entries()) to.addFieldOffset(place, offset, 0);
  });
  const codes = offsets(
    to,
    types.map((type) => codeOf(to, OPERATORS[type].code)),
  );
  const subgraphs = offsets(to, [subgraph]);
  const description = to.createString("eddi");
  const all = offsets(to, buffers);
  const model = table(to, 5, () => {
    to.addFieldInt32(0, VERSION, null);
    to.addFieldOffset(1, codes, 0);
    to.addFieldOffset(2, subgraphs, 0);
    to.addFieldOffset(3, description, 0);
    to.addFieldOffset(4, all, 0);
  });
  to.finish(model, IDENTIFIER);
  return to.asUint8Array();
}

function bufferOf(to: Builder, { buffer, byteOffset, byteLength }: ArrayBufferView): Offset {
  to.prep(ALIGNMENT, byteLength);
  const data = to.createByteVector(new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength));
  return table(to, 1, () => to.addFieldOffset(0, data, 0));
}

function tensorOf(to: Builder, { name, shape, values }: TfliteTensor, buffer: number): Offset {
  const sides = integers(to, shape);
  const called = to.createString(name);
  return table(to, 4, () => {
    to.addFieldOffset(0, sides, 0);
    to.addFieldInt8(1, values instanceof Int32Array ? TYPES.int32 : TYPES.float32, null);
    to.addFieldInt32(2, values === null ? 0 : buffer, null);
    to.addFieldOffset(3, called, 0);
  });
}

function operatorOf(to: Builder, { type, inputs, output, options }: TfliteOperator, code: number): Offset {
  const known: OperatorType = OPERATORS[type];
  const from = integers(to, inputs);
  const into = integers(to, [output]);
  const told = known.options === undefined ? null : optionsOf(to, known.options.fields, options);
  return table(to, 5, () => {
    to.addFieldInt32(0, code, null);
    to.addFieldOffset(1, from, 0);
    to.addFieldOffset(2, into, 0);
    if (told === null) return;
    to.addFieldInt8(3, known.options!.type, null);
    to.addFieldOffset(4, told, 0);
  });
}

function optionsOf(to: Builder, fields: Fields, options: Readonly<Record<string, number>>): Offset {
  return table(to, 8, () => {
    for (const [name, [place, kind]] of Object.entries(fields)) {
      const value = options[name] ?? 0;
      if (kind === "byte") to.addFieldInt8(place, value, null);
      else if (kind === "int") to.addFieldInt32(place, value, null);
      else to.addFieldFloat32(place, value, null);
    }
  });
}

/** Older readers look at a byte, which ends at 127. */
function codeOf(to: Builder, code: number): Offset {
  return table(to, 4, () => {
    to.addFieldInt8(0, Math.min(code, 127), null);
    to.addFieldInt32(2, 1, null);
    to.addFieldInt32(3, code, null);
  });
}

function table(to: Builder, fields: number, write: () => void): Offset {
  to.startObject(fields);
  write();
  return to.endObject();
}

function offsets(to: Builder, all: readonly Offset[]): Offset {
  to.startVector(4, all.length, 4);
  for (const one of all.toReversed()) to.addOffset(one);
  return to.endVector();
}

function integers(to: Builder, all: readonly number[]): Offset {
  to.startVector(4, all.length, 4);
  for (const one of all.toReversed()) to.addInt32(one);
  return to.endVector();
}
