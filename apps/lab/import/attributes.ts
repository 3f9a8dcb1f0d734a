import type { Attr } from "../graph-model/node-def.ts";

/** Attributes of a node as TF.js reads them: bytes are base64 or numbers, integers may be strings. */
type Attributes = Readonly<Record<string, Attr>>;

/** The text of an attribute; empty when there is none. */
export function textOf(attr: Attributes, name: string): string {
  return decode((attr[name] as { s?: unknown } | undefined)?.s);
}

export function textsOf(attr: Attributes, name: string): readonly string[] {
  return (listOf(attr, name)?.s ?? []).map(decode);
}

export function flagOf(attr: Attributes, name: string): boolean {
  return (attr[name] as { b?: unknown } | undefined)?.b === true;
}

export function numberOf(attr: Attributes, name: string, missing: number): number {
  const value = (attr[name] as { f?: unknown } | undefined)?.f;
  return typeof value === "number" ? value : missing;
}

/** TensorFlow's name of a type, `DT_FLOAT`; undefined when there is none. */
export function typeOf(attr: Attributes, name: string): string | undefined {
  const type = (attr[name] as { type?: unknown } | undefined)?.type;
  return typeof type === "number" ? (TYPES[type] ?? `${type}`) : (type as string | undefined);
}

/** Sides of a shape, null where unknown; undefined when there is none, or not even the rank is known. */
export function sidesOf(attr: Attributes, name: string): readonly (number | null)[] | undefined {
  return readSides((attr[name] as { shape?: Dims } | undefined)?.shape);
}

interface Dims {
  readonly unknownRank?: boolean;
  readonly dim?: readonly { readonly size?: string | number }[];
}

function readSides(shape: Dims | undefined): readonly (number | null)[] | undefined {
  if (shape?.dim === undefined || shape.unknownRank === true) return undefined;
  return shape.dim.map(({ size }) => {
    const side = Number(size ?? -1);
    return side > 0 ? side : null;
  });
}

/** TensorFlow's numbers of the types that we meet. */
const TYPES: Readonly<Record<number, string>> = {
  1: "DT_FLOAT",
  2: "DT_DOUBLE",
  3: "DT_INT32",
  4: "DT_UINT8",
  7: "DT_STRING",
  9: "DT_INT64",
  10: "DT_BOOL",
};

function listOf(attr: Attributes, name: string): { readonly s?: readonly unknown[] } | undefined {
  return (attr[name] as { list?: { s?: readonly unknown[] } } | undefined)?.list;
}

function decode(value: unknown): string {
  if (typeof value === "string") return Buffer.from(value, "base64").toString();
  return Array.isArray(value) ? String.fromCharCode(...(value as number[])) : "";
}
