import { createHash } from "node:crypto";
import { readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import {
  type FittedRate,
  type FittedTensor,
  fittedBytes,
  fittedCoders,
  fittedWeights,
  type ModelMetadata,
  readModel,
  type TensorInfo,
} from "#shared/model";
import type { MeasuredCost } from "../evaluate/tally.ts";
import { ratesOf } from "../evaluate/with-measured.ts";
import type { WeightShard } from "../export/shards.ts";
import { type GraphNode, type NodeDef, nodeDefs } from "../graph-model/node-def.ts";
import type { FittedLinear } from "./fit-codec.ts";

/** A codec as it is stored: its shard, and its part of the metadata; of a learned one its nets too. */
export interface StoredCodec {
  readonly bytes: Uint8Array;
  readonly fitted: FittedTensor;
  readonly nets?: CodecNetsPart;
}

/** Nets that stand beside a model's own nodes. */
export interface CodecNetsPart {
  readonly nodes: readonly GraphNode[];
  readonly shards: readonly WeightShard[];
  /** By node. */
  readonly tensors: Readonly<Record<string, TensorInfo>>;
}

/**
 * A fitted codec in the bytes that `fittedCoders` reads, with what was measured of it.
 *
 * @param measured by rate, on validation photos
 */
export function packCodec(
  name: string,
  { transform, rates }: FittedLinear,
  measured: readonly MeasuredCost[],
): Pick<StoredCodec, "bytes" | "fitted"> {
  const { block, mean, basis } = transform;
  const bytes = fittedBytes(transform, rates);
  const costs = ratesOf(measured);
  const told = rates.map(({ step }, at): FittedRate => ({ step, ...costs[at]! }));
  const shard = codecFile(name, "");
  return {
    bytes,
    fitted: { codec: "linear", shard, block, components: basis.length / mean.length, rates: told },
  };
}

/** @param part of the codec: empty, or as `-encoder` */
export function codecFile(name: string, part: string): string {
  return `codec-${name.replaceAll(/[^\w.-]/g, "-")}${part}.bin`;
}

/**
 * Stores a codec in a model's folder: a shard behind those of weights, and its part of the metadata; of a learned codec
 * its nets before it. Another codec of the tensor is replaced, and what profiles say of its nets forgotten. The model's version changes.
 *
 * @throws EddiError `bad-metadata` or `bad-model` when the model would no longer be valid; it stays as it was
 */
export async function storeCodec(folder: string, name: string, stored: StoredCodec): Promise<void> {
  const { bytes, fitted, nets } = stored;
  const file = path.join(folder, "model.json");
  const before: ModelJson = JSON.parse(await readFile(file, "utf8"));
  const text = JSON.stringify(withCodec(before, name, stored));
  const { metadata } = readModel(new TextEncoder().encode(text));
  fittedCoders(name, fitted, metadata.tensors, bytes);
  for (const [place, content] of [
    ...(nets?.shards ?? []).map((shard) => [path.join(folder, shard.path), shard.bytes] as const),
    [path.join(folder, fitted.shard), bytes],
    [file, text],
  ] as const) {
    await writeFile(`${place}.part`, content);
    await rename(`${place}.part`, place);
  }
  await forgetTimes(path.join(folder, "profiles"), name);
  for (const shard of Object.keys(before.userDefinedMetadata.eddi.shards)) {
    if (!Object.hasOwn(metadata.shards, shard)) await rm(path.join(folder, shard), { force: true });
  }
}

/** What was measured of the nets of a tensor's codec says nothing of those that take their place. */
async function forgetTimes(folder: string, name: string): Promise<void> {
  for (const file of await readdir(folder).catch(() => [])) {
    const place = path.join(folder, file);
    const { detourMs, ...profile } = JSON.parse(await readFile(place, "utf8"));
    if (detourMs?.[name] === undefined) continue;
    const { [name]: _, ...others } = detourMs;
    const left = Object.keys(others).length === 0 ? profile : { ...profile, detourMs: others };
    await writeFile(`${place}.part`, `${JSON.stringify(left, null, 1)}\n`);
    await rename(`${place}.part`, place);
  }
}

/** A model's model.json, as far as codecs change it. */
export interface ModelJson {
  readonly modelTopology: { readonly node: readonly NodeDef[] };
  readonly weightsManifest: readonly {
    readonly paths: readonly string[];
    readonly weights: readonly object[];
  }[];
  readonly userDefinedMetadata: { readonly eddi: ModelMetadata };
}

function withCodec(json: ModelJson, name: string, { bytes, fitted, nets }: StoredCodec): ModelJson {
  const base = nets === undefined ? withoutCodec(json, name) : withNets(json, name, nets);
  const { eddi } = base.userDefinedMetadata;
  const coded = fitted.through?.latent ?? name;
  const size = fitted.block ** 2 * eddi.tensors[coded]!.shape.at(-1)!;
  const tables = (bytes.length - 4 * size - 2 * fitted.components * size) / 2;
  const weights = fittedWeights(name, size, fitted.components, tables);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const shards = { ...eddi.shards, [fitted.shard]: { bytes: bytes.length, sha256 } };
  return {
    ...base,
    weightsManifest: [...base.weightsManifest, { paths: [fitted.shard], weights }],
    userDefinedMetadata: { eddi: { ...eddi, shards, fitted: { ...eddi.fitted, [name]: fitted } } },
  };
}

/** The model with a learned codec's nets in place of any other codec of the tensor, and without tables yet. */
export function withNets(
  json: ModelJson,
  name: string,
  { nodes, shards, tensors }: CodecNetsPart,
): ModelJson {
  const base = withoutCodec(json, name);
  const { eddi } = base.userDefinedMetadata;
  const infos = Object.fromEntries(shards.map(({ path: file, info }) => [file, info]));
  return {
    ...base,
    modelTopology: {
      ...base.modelTopology,
      node: [...base.modelTopology.node, ...nodes.flatMap(nodeDefs)],
    },
    weightsManifest: [
      ...base.weightsManifest,
      ...shards.map(({ path: file, weights }) => ({ paths: [file], weights })),
    ],
    userDefinedMetadata: {
      eddi: { ...eddi, tensors: { ...eddi.tensors, ...tensors }, shards: { ...eddi.shards, ...infos } },
    },
  };
}

/** The model as it is without the codec of a tensor, if it has one. */
function withoutCodec(json: ModelJson, name: string): ModelJson {
  const { eddi } = json.userDefinedMetadata;
  const { [name]: before, ...others } = eddi.fitted ?? {};
  const isNode = (node: string): boolean => before !== undefined && isOfNets(name, before, node);
  const gone = new Set(before === undefined ? [] : filesOf(name, before));
  return {
    ...json,
    modelTopology: {
      ...json.modelTopology,
      node: json.modelTopology.node.filter((node) => !isNode(node.name)),
    },
    weightsManifest: json.weightsManifest.filter(({ paths }) => !gone.has(paths[0]!)),
    userDefinedMetadata: {
      eddi: {
        ...eddi,
        tensors: only(eddi.tensors, (node) => !isNode(node)),
        shards: only(eddi.shards, (file) => !gone.has(file)),
        fitted: others,
      },
    },
  };
}

/**
 * Gives a model the codecs of another that it holds within: what was fitted to its tensors, and what was measured of
 * any codec. What exits lose by them that the other did not have is not known. The shards are not copied.
 *
 * @param folder of the other
 * @param draft  of the model, with its model.json
 */
export async function keepCodecs(folder: string, draft: string): Promise<void> {
  const [within, json] = await Promise.all(
    [folder, draft].map(async (place): Promise<ModelJson> => {
      return JSON.parse(await readFile(path.join(place, "model.json"), "utf8"));
    }),
  );
  await writeFile(path.join(draft, "model.json"), `${JSON.stringify(withCodecsOf(json!, within!))}\n`);
}

function withCodecsOf(json: ModelJson, within: ModelJson): ModelJson {
  const { eddi } = json.userDefinedMetadata;
  const { fitted, codecs, tensors, shards } = within.userDefinedMetadata.eddi;
  const all = Object.entries(fitted ?? {});
  const isNode = (node: string): boolean => all.some(([name, one]) => isOfNets(name, one, node));
  const files = new Set(all.flatMap(([name, one]) => filesOf(name, one)));
  return {
    ...json,
    modelTopology: {
      ...json.modelTopology,
      node: [...json.modelTopology.node, ...within.modelTopology.node.filter((node) => isNode(node.name))],
    },
    weightsManifest: [
      ...json.weightsManifest,
      ...within.weightsManifest.filter(({ paths }) => files.has(paths[0]!)),
    ],
    userDefinedMetadata: {
      eddi: {
        ...eddi,
        tensors: { ...eddi.tensors, ...only(tensors, isNode) },
        shards: { ...eddi.shards, ...only(shards, (file) => files.has(file)) },
        ...(fitted === undefined ? {} : { fitted }),
        ...(codecs === undefined ? {} : { codecs }),
      },
    },
  };
}

function only<Value>(
  of: Readonly<Record<string, Value>>,
  isKept: (key: string) => boolean,
): Record<string, Value> {
  return Object.fromEntries(Object.entries(of).filter(([key]) => isKept(key)));
}

/** Whether a node is of a learned codec's nets. */
function isOfNets(name: string, { through }: FittedTensor, node: string): boolean {
  const parts = [`${name}/encoder/`, `${name}/decoder/`];
  return through !== undefined && parts.some((part) => node.startsWith(part));
}

/** A codec's shards, those of nets that it may have included. */
function filesOf(name: string, { shard }: FittedTensor): readonly string[] {
  return [shard, ...["-encoder", "-decoder"].map((part) => codecFile(name, part))];
}
