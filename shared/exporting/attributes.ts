import type { ModelNode } from "#shared/model";

/** Attributes of a node as TF.js reads them: texts are base64 or bytes, integers may be texts. */
type Value = {
  readonly s?: unknown;
  readonly i?: string | number;
  readonly f?: number;
  readonly b?: boolean;
  readonly list?: { readonly s?: readonly unknown[]; readonly i?: readonly (string | number)[] };
};

const attributeOf = ({ attr }: ModelNode, name: string): Value => (attr[name] ?? {}) as Value;

/** Empty where there is none. */
export const textOf = (node: ModelNode, name: string): string => decode(attributeOf(node, name).s);

export const textsOf = (node: ModelNode, name: string): readonly string[] =>
  (attributeOf(node, name).list?.s ?? []).map(decode);

export const integersOf = (node: ModelNode, name: string): readonly number[] =>
  (attributeOf(node, name).list?.i ?? []).map(Number);

export const numberOf = (node: ModelNode, name: string, missing: number): number =>
  attributeOf(node, name).f ?? missing;

export const flagOf = (node: ModelNode, name: string): boolean => attributeOf(node, name).b === true;

function decode(value: unknown): string {
  if (typeof value === "string") return atob(value);
  return Array.isArray(value) ? String.fromCharCode(...(value as number[])) : "";
}
