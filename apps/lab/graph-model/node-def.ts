/** One computing node of the graph to be written, with the constants that it is the first to read. */
export interface GraphNode {
  readonly name: string;
  /** TensorFlow's name of the operation. */
  readonly op: string;
  /** Names of the nodes and constants it reads, in the order that the operation wants. */
  readonly inputs: readonly string[];
  readonly constants: readonly Constant[];
  readonly attr: Readonly<Record<string, Attr>>;
  /** Of its one output, without the batch axis. */
  readonly shape: readonly number[];
}

export interface Constant {
  readonly name: string;
  readonly dtype: "float32" | "int32" | "bool";
  readonly shape: readonly number[];
  readonly values: Float32Array | Int32Array | Uint8Array;
  /** How it is stored, where that is settled: `values` are what TF.js reads out of it. */
  readonly stored?: StoredConstant;
}

export interface StoredConstant {
  readonly bytes: Uint8Array;
  /** Of the weights manifest: `{ dtype: "uint8", scale, min }`, `{ dtype: "float16" }` and the like. */
  readonly quantization: Quantization;
}

export type Quantization = { readonly dtype: string; readonly [key: string]: unknown };

/** TensorFlow's AttrValue in JSON, as tfjs-converter reads it: strings are base64, integers are strings. */
export type Attr =
  | { readonly s: string }
  | { readonly i: string }
  | { readonly f: number }
  | { readonly b: boolean }
  | { readonly type: string }
  | { readonly shape: TensorShape }
  | { readonly tensor: { readonly dtype: string; readonly tensorShape: TensorShape } }
  | { readonly list: { readonly s?: readonly string[]; readonly i?: readonly string[] } };

export interface TensorShape {
  readonly dim?: readonly { readonly size: string }[];
}

export interface NodeDef {
  readonly name: string;
  readonly op: string;
  readonly input?: readonly string[];
  readonly attr: Readonly<Record<string, Attr>>;
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");

export const stringAttr = (text: string): Attr => ({ s: base64(text) });
export const intAttr = (value: number): Attr => ({ i: String(value) });
export const boolAttr = (b: boolean): Attr => ({ b });
export const typeAttr = (dtype: Constant["dtype"]): Attr => ({ type: typeName(dtype) });
export const stringsAttr = (texts: readonly string[]): Attr => ({ list: { s: texts.map(base64) } });
export const intsAttr = (values: readonly number[]): Attr => ({ list: { i: values.map(String) } });
export const shapeAttr = (shape: readonly number[]): Attr => ({ shape: tensorShape(shape) });

const typeName = (dtype: Constant["dtype"]): string =>
  ({ float32: "DT_FLOAT", int32: "DT_INT32", bool: "DT_BOOL" })[dtype];

/** -1 stands for an axis of any length. */
export function tensorShape(shape: readonly number[]): TensorShape {
  return shape.length === 0 ? {} : { dim: shape.map((size) => ({ size: String(size) })) };
}

/** The node and its constants as they stand in model.json, constants first. */
export function nodeDefs(node: GraphNode): NodeDef[] {
  const constants = node.constants.map(({ name, dtype, shape }): NodeDef => {
    const tensor = { dtype: typeName(dtype), tensorShape: tensorShape(shape) };
    return { name, op: "Const", attr: { dtype: typeAttr(dtype), value: { tensor } } };
  });
  const { name, op, inputs, attr } = node;
  return [...constants, { name, op, ...(inputs.length > 0 ? { input: inputs } : {}), attr }];
}
