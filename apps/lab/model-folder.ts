import { readFile } from "node:fs/promises";
import path from "node:path";
import { EddiError } from "#shared/errors";
import { type Model, readModel } from "#shared/model";
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
