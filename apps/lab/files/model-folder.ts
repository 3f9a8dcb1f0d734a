import { readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { EddiError } from "#shared/errors";
import { type Model, type ModelMetadata, readMetadata, readModel } from "#shared/model";
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

/** The model with all its weights on the active backend. */
export async function openModelFolder(folder: string): Promise<SegmentModel> {
  const model = await readModelFolder(folder);
  const segments = new SegmentModel(model);
  for (const shard of model.shards) {
    const file = path.join(folder, shard.path);
    const bytes = await readFile(file).catch((cause: unknown) => {
      throw new EddiError("bad-weights", `expected weights at ${file}, got none`, { cause });
    });
    segments.addShard(shard, bytes);
  }
  return segments;
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
