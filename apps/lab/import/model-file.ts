import { io } from "@tensorflow/tfjs-core";
import { EddiError } from "#shared/errors";
import { elementCount } from "#shared/model";
import type { Constant, Quantization } from "../graph-model/node-def.ts";
import type { ModelSource } from "./source.ts";

/** A model.json of TF.js, of either kind. */
export interface ModelFile {
  readonly kind: "graph" | "layers";
  readonly json: ModelJson;
  readonly groups: readonly WeightGroup[];
}

export interface ModelJson {
  readonly modelTopology: Readonly<Record<string, unknown>>;
  readonly signature?: Signature;
  readonly userDefinedMetadata?: { readonly signature?: Signature };
}

export interface Signature {
  readonly inputs?: Readonly<Record<string, SignatureTensor>>;
  readonly outputs?: Readonly<Record<string, SignatureTensor>>;
}

export interface SignatureTensor {
  readonly name: string;
  readonly tensorShape?: { readonly dim?: readonly { readonly size?: string | number }[] };
}

/** A part of the weights manifest: its files, one after the other, hold its weights. */
export interface WeightGroup {
  readonly paths: readonly string[];
  readonly weights: readonly WeightEntry[];
}

export interface WeightEntry {
  readonly name: string;
  readonly shape: number[];
  readonly dtype: "float32" | "int32" | "bool";
  readonly quantization?: Quantization;
}

/** A weight as it is stored. */
export interface StoredWeight {
  readonly entry: WeightEntry;
  readonly bytes: Uint8Array;
}

/** Bytes of one value, by how it is stored. */
const WIDTHS: Readonly<Record<string, number>> = {
  float32: 4,
  int32: 4,
  bool: 1,
  float16: 2,
  uint16: 2,
  uint8: 1,
};
const DTYPES = ["float32", "int32", "bool"];

/** @throws EddiError `bad-model`, saying what was expected and what came */
export function readModelFile({ origin, description }: ModelSource): ModelFile {
  const json = parse(origin, description);
  const topology = json.modelTopology as Record<string, unknown> | undefined;
  const isGraph = Array.isArray(topology?.node);
  const isLayers = topology?.model_config !== undefined || topology?.class_name !== undefined;
  if (!isGraph && !isLayers) {
    throw new EddiError(
      "bad-model",
      `${origin}: expected a TF.js graph-model or layers-model, got format ${json.format ?? "none"}`,
    );
  }
  const manifest = json.weightsManifest;
  if (!Array.isArray(manifest))
    throw new EddiError("bad-model", `${origin}: expected a weightsManifest, got none`);
  return {
    kind: isGraph ? "graph" : "layers",
    json: json as unknown as ModelJson,
    groups: manifest.map(readGroup),
  };
}

/**
 * Reads all weights, cut as the manifest says.
 *
 * @throws EddiError `bad-weights` when a group's files are shorter than its weights, and as `ModelSource.shard`
 */
export async function readWeights(source: ModelSource, { groups }: ModelFile): Promise<StoredWeight[]> {
  const all: StoredWeight[] = [];
  for (const { paths, weights } of groups) {
    const expected = weights.reduce((sum, entry) => sum + bytesOf(entry), 0);
    const files: Uint8Array[] = [];
    for (const file of paths) files.push(await source.shard(file, expected));
    const bytes = new Uint8Array(Buffer.concat(files));
    if (bytes.byteLength !== expected) {
      const came = `got ${bytes.byteLength}`;
      throw new EddiError("bad-weights", `${paths.join(" and ")}: expected ${expected} bytes, ${came}`);
    }
    let at = 0;
    for (const entry of weights) {
      const length = bytesOf(entry);
      all.push({ entry, bytes: bytes.slice(at, at + length) });
      at += length;
    }
  }
  return all;
}

/** What TF.js reads out of a stored weight. Needs a TF.js backend. */
export function toConstant({ entry, bytes }: StoredWeight): Constant {
  const { name, shape, dtype, quantization } = entry;
  const decoded = io.decodeWeights(bytes.slice().buffer, [entry as io.WeightsManifestEntry]);
  const tensor = decoded[name];
  const values = tensor?.dataSync().slice() as Constant["values"];
  tensor?.dispose();
  const stored = quantization === undefined ? {} : { stored: { bytes, quantization } };
  return { name, shape, dtype, values, ...stored };
}

function parse(origin: string, bytes: Uint8Array): Record<string, unknown> {
  const text = new TextDecoder().decode(bytes);
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json === "object" && json !== null && !Array.isArray(json)) {
      return json as Record<string, unknown>;
    }
  } catch (cause) {
    const start = text.slice(0, 40).replace(/\s+/g, " ");
    throw new EddiError("bad-model", `${origin}: expected JSON, got ${JSON.stringify(start)}…`, { cause });
  }
  throw new EddiError("bad-model", `${origin}: expected a JSON object`);
}

function readGroup(value: unknown, at: number): WeightGroup {
  const { paths, weights } = (value ?? {}) as Record<string, unknown>;
  const isText = (item: unknown): boolean => typeof item === "string";
  if (!Array.isArray(paths) || !paths.every(isText) || !Array.isArray(weights)) {
    throw new EddiError("bad-model", `weightsManifest[${at}]: expected paths and weights`);
  }
  return { paths, weights: weights.map(readEntry) };
}

function readEntry(value: unknown): WeightEntry {
  const { name, shape, dtype, quantization } = (value ?? {}) as Record<string, unknown>;
  const isShape = Array.isArray(shape) && shape.every((side) => Number.isSafeInteger(side) && side >= 0);
  if (typeof name !== "string" || !isShape) {
    throw new EddiError(
      "bad-weights",
      `weight ${name}: expected a name and a shape, got ${JSON.stringify(shape)}`,
    );
  }
  const stored = (quantization as { dtype?: unknown } | undefined)?.dtype ?? dtype;
  for (const [one, known] of [
    [dtype, DTYPES],
    [stored, Object.keys(WIDTHS)],
  ] as const) {
    if (known.includes(one as string)) continue;
    throw new EddiError("bad-weights", `weight ${name}: expected dtype ${known.join(", ")}, got ${one}`);
  }
  return value as WeightEntry;
}

function bytesOf({ shape, dtype, quantization }: WeightEntry): number {
  return elementCount(shape) * (WIDTHS[quantization?.dtype ?? dtype] as number);
}
