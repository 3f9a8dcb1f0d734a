import { readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { io, type Tensor } from "@tensorflow/tfjs-core";
import type { LinearCoder } from "#shared/codecs";
import { EddiError } from "#shared/errors";
import {
  codersIn,
  type Model,
  type ModelMetadata,
  readMetadata,
  readModel,
  type Shard,
  verifyShard,
} from "#shared/model";
import { SegmentModel } from "#shared/runtime";

/** Where models stand, from the folder the lab is run in. */
export const MODELS_FOLDER = "models";

/** A model's folder: `ID` stands for `models/ID`, anything with a separator for itself. */
export function modelFolder(nameOrPath: string): string {
  return /[\\/]/.test(nameOrPath) ? nameOrPath : path.join(MODELS_FOLDER, nameOrPath);
}

/** @throws EddiError `not-found` without a model.json, else as `readModel` */
export async function readModelFolder(folder: string): Promise<Model> {
  const file = path.join(folder, "model.json");
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new EddiError("not-found", `expected a model at ${file}, got none`, { cause });
  });
  return readModel(bytes);
}

/** The weights of a model's shards on the active backend, by the names of its constants. */
export async function readWeightsOf(
  folder: string,
  { shards }: Pick<Model, "shards">,
): Promise<Readonly<Record<string, Tensor>>> {
  const weights: Record<string, Tensor> = {};
  for (const shard of shards) {
    const { buffer } = new Uint8Array(await readShard(folder, shard));
    Object.assign(weights, io.decodeWeights(buffer, shard.weights as unknown as io.WeightsManifestEntry[]));
  }
  return weights;
}

/** The model with all its weights on the active backend. */
export async function openModelFolder(folder: string): Promise<SegmentModel> {
  const model = await readModelFolder(folder);
  const segments = new SegmentModel(model);
  for (const shard of model.shards) segments.addShard(shard, await readShard(folder, shard));
  return segments;
}

/** By tensor: the coders of the codec that was fitted to it, by its rates. */
export type FolderCoders = ReadonlyMap<string, readonly LinearCoder[]>;

/** @throws EddiError `bad-weights` for a file that is not there or another, `bad-model` for numbers that are none */
export async function readCoders(folder: string, model: Model): Promise<FolderCoders> {
  const found = new Map<string, readonly LinearCoder[]>();
  const fitted = new Set(Object.values(model.metadata.fitted ?? {}).map(({ shard }) => shard));
  for (const shard of model.shards.filter((one) => fitted.has(one.path))) {
    const bytes = await readShard(folder, shard);
    verifyShard(shard, bytes);
    const own = codersIn(model, shard, bytes);
    if (own !== null) found.set(own.name, own.coders);
  }
  return found;
}

/**
 * A shard's bytes, as they lie in the model's folder.
 *
 * @throws EddiError `bad-weights` for a file that is not there
 */
export async function readShard(folder: string, shard: Shard): Promise<Uint8Array> {
  const file = path.join(folder, shard.path);
  return readFile(file).catch((cause: unknown) => {
    throw new EddiError("bad-weights", `expected weights at ${file}, got none`, { cause });
  });
}

/**
 * Changes the metadata in a model's model.json, and nothing else there; the file's version, its hash, changes
 * with it.
 *
 * @throws EddiError `bad-metadata` when they would no longer be valid; the file stays as it was
 */
export async function rewriteMetadata(
  folder: string,
  change: (metadata: ModelMetadata) => ModelMetadata,
): Promise<void> {
  const file = path.join(folder, "model.json");
  const json = JSON.parse(await readFile(file, "utf8"));
  const metadata = readMetadata(change(readMetadata(json.userDefinedMetadata.eddi)));
  json.userDefinedMetadata.eddi = metadata;
  await writeFile(`${file}.part`, JSON.stringify(json));
  await rename(`${file}.part`, file);
}
