import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { elementCount, type Model, readModel } from "#shared/model";
import { randomFrom } from "#shared/random";
import type { TensorValues } from "#shared/runtime";

/** What a constant is: random numbers of this shape, or these whole numbers. */
export type Given =
  | { readonly random: readonly number[] }
  | { readonly int32: readonly number[]; readonly shape?: readonly number[] };

/** A node of TF.js' file; inputs that are no constants of the same name are nodes. */
export interface SmallNode {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly string[];
  readonly attr?: Readonly<Record<string, unknown>>;
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");
export const text = (value: string) => ({ s: base64(value) });
export const texts = (...values: readonly string[]) => ({ list: { s: values.map(base64) } });
export const integers = (...values: readonly number[]) => ({ list: { i: values.map(String) } });

/**
 * A model of a few nodes behind an image [4, 6, 3] or another shape, all in one shard; its one exit has the last node's
 * numbers in a row.
 *
 * @param shapes of the nodes, without the batch axis
 */
export function smallModel(
  nodes: readonly SmallNode[],
  constants: Readonly<Record<string, Given>>,
  shapes: Readonly<Record<string, readonly number[]>>,
): { readonly model: Model; readonly shard: Uint8Array } {
  const random = randomFrom(7);
  const last = nodes.at(-1)!.name;
  const width = elementCount(shapes[last]!);
  const given: Readonly<Record<string, Given>> = { ...constants, "scores/shape": { int32: [-1, width] } };
  const weights = Object.entries(given).map(([name, one]) =>
    "random" in one
      ? { name, shape: one.random, dtype: "float32", values: floats(elementCount(one.random), random) }
      : { name, shape: one.shape ?? [one.int32.length], dtype: "int32", values: Int32Array.from(one.int32) },
  );
  const shard = new Uint8Array(Buffer.concat(weights.map(({ values }) => new Uint8Array(values.buffer))));
  const def = ({ name, op, inputs, attr }: SmallNode) => ({
    name,
    op,
    input: inputs,
    attr: { T: { type: "DT_FLOAT" }, ...attr },
  });
  const file = {
    format: "graph-model",
    modelTopology: {
      versions: { producer: 0 },
      node: [
        {
          name: "image",
          op: "Placeholder",
          attr: { dtype: { type: "DT_FLOAT" }, shape: { shape: { unknownRank: true } } },
        },
        ...weights.map(({ name, dtype }) => ({
          name,
          op: "Const",
          attr: { dtype: { type: dtype === "int32" ? "DT_INT32" : "DT_FLOAT" } },
        })),
        ...nodes.map(def),
        def({ name: "scores", op: "Reshape", inputs: [last, "scores/shape"] }),
      ],
    },
    weightsManifest: [
      { paths: ["one.bin"], weights: weights.map(({ name, shape, dtype }) => ({ name, shape, dtype })) },
    ],
    userDefinedMetadata: {
      eddi: {
        format: 1,
        id: "small",
        input: { node: "image", height: 4, width: 6, range: [-1, 1] },
        labels: Array.from({ length: width }, (_, at) => `label ${at}`),
        exits: [{ id: "only", node: "scores", output: "logits", accuracy: null }],
        tensors: Object.fromEntries(
          Object.entries({ ...shapes, scores: [width] }).map(([name, shape]) => [
            name,
            { shape, dtype: "float32", range: [-3, 3] },
          ]),
        ),
        shards: { "one.bin": { bytes: shard.byteLength, sha256: bytesToHex(sha256(shard)) } },
      },
    },
  };
  return { model: readModel(new TextEncoder().encode(JSON.stringify(file))), shard };
}

function floats(count: number, random: () => number): Float32Array {
  return Float32Array.from({ length: count }, () => random() * 2 - 1);
}

/** Values between low and high, always the same. */
export function someValues(shape: readonly number[], [low, high]: readonly [number, number]): TensorValues {
  const random = randomFrom(3);
  const values = Float32Array.from({ length: elementCount(shape) }, () => low + (high - low) * random());
  return { shape, values };
}

/** The largest difference; of numbers above 1, as a share of them. */
export function furthest(one: TensorValues, other: TensorValues): number {
  return one.values.reduce((most, value, at) => {
    const off = Math.abs(value - other.values[at]!) / Math.max(1, Math.abs(value));
    return Number.isNaN(off) ? Number.POSITIVE_INFINITY : Math.max(most, off);
  }, 0);
}
