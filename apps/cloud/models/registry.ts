import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { EddiError, toEddiError } from "#shared/errors";
import { type Model, readModel, verifyShard } from "#shared/model";
import { versionNumber } from "./version-number.ts";

/** A model whose every byte has been checked. */
export interface LoadedModel {
  readonly model: Model;
  readonly files: ModelFiles;
}

/** What a worker needs to open a model. */
export interface ModelFiles {
  readonly id: string;
  /** model.json as stored. */
  readonly json: Uint8Array;
  /** In the order of `Model.shards`; on shared memory, so that workers need no copies in transit. */
  readonly shards: readonly Uint8Array[];
}

/** One line of the repository's index. */
export interface ModelState {
  readonly name: string;
  readonly version: string;
  readonly state: "READY" | "UNAVAILABLE";
  readonly reason: string;
}

/** The models of a folder: those that can be used, and why the others can not. */
export class Registry {
  private readonly loaded = new Map<string, LoadedModel>();
  private readonly refused = new Map<string, string>();

  add(loaded: LoadedModel): void {
    this.loaded.set(loaded.files.id, loaded);
  }

  /** Takes a model out of use. */
  refuse(id: string, reason: string): void {
    this.loaded.delete(id);
    this.refused.set(id, reason);
  }

  models(): readonly LoadedModel[] {
    return [...this.loaded.values()];
  }

  /**
   * @param version as in the URL, or its `versionNumber`; null takes the one there is
   * @throws EddiError `not-found`, naming what there is; `unavailable`, saying why
   */
  find(id: string, version: string | null): LoadedModel {
    const reason = this.refused.get(id);
    if (reason !== undefined) throw new EddiError("unavailable", `model ${id} is not ready: ${reason}`);
    const found = this.loaded.get(id);
    if (found === undefined) {
      const known = [...this.loaded.keys()].join(", ") || "none";
      throw new EddiError("not-found", `expected one of the models ${known}, got ${id}`);
    }
    const own = found.model.version;
    if (version !== null && version !== own && version !== versionNumber(own)) {
      const message = `model ${id}: expected version ${own}, got ${version}`;
      throw new EddiError("not-found", message);
    }
    return found;
  }

  index(): readonly ModelState[] {
    const ready = this.models().map(
      ({ model }): ModelState => ({
        name: model.metadata.id,
        version: model.version,
        state: "READY",
        reason: "",
      }),
    );
    const refused = [...this.refused].map(
      ([name, reason]): ModelState => ({ name, version: "", state: "UNAVAILABLE", reason }),
    );
    return [...ready, ...refused];
  }
}

/**
 * Reads every sub-folder that holds a model.json, but for those that begin with a dot: models under way. A model
 * that is not what it says is refused, and the others go on.
 *
 * @throws EddiError `bad-argument` when the folder cannot be read; one that is not there holds no models
 */
export async function loadModels(dir: string): Promise<Registry> {
  const registry = new Registry();
  const entries = await readdir(dir, { withFileTypes: true }).catch((cause) => {
    if (cause.code === "ENOENT") return [];
    throw new EddiError("bad-argument", `models: expected a folder, got ${cause.code} for ${dir}`, { cause });
  });
  const folders = entries.filter(
    (entry) => !entry.name.startsWith(".") && (entry.isDirectory() || entry.isSymbolicLink()),
  );
  for (const id of folders.map((entry) => entry.name).sort()) {
    try {
      const loaded = await loadModel(dir, id);
      if (loaded !== null) registry.add(loaded);
    } catch (thrown) {
      registry.refuse(id, toEddiError(thrown).message);
    }
  }
  return registry;
}

async function loadModel(dir: string, id: string): Promise<LoadedModel | null> {
  const json = await readIfThere(join(dir, id, "model.json"));
  if (json === null) return null;
  const model = readModel(json);
  if (model.metadata.id !== id) {
    throw new EddiError("bad-metadata", `id: expected the folder's name ${id}, got ${model.metadata.id}`);
  }
  const shards: Uint8Array[] = [];
  for (const shard of model.shards) {
    const bytes = await readIfThere(join(dir, id, shard.path));
    if (bytes === null) {
      throw new EddiError("bad-weights", `${shard.path}: expected ${shard.bytes} bytes, got no such file`);
    }
    verifyShard(shard, bytes);
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.byteLength));
    shared.set(bytes);
    shards.push(shared);
  }
  return { model, files: { id, json, shards } };
}

async function readIfThere(path: string): Promise<Uint8Array | null> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw new EddiError("bad-model", `expected readable files, got ${code}`, { cause: thrown });
  }
}
