import { EddiError, toEddiError } from "#shared/errors";
import { codersIn, type Model, readModel, verifyShard } from "#shared/model";
import { Folder } from "../files/folder.ts";
import { Shed } from "../tails/executor.ts";
import { versionNumber } from "./version-number.ts";

/** It is worth asking again once somebody has put the model right. */
const MODEL_RETRY_MS = 5_000;

/** A model whose every byte has been checked. */
export interface LoadedModel {
  readonly model: Model;
  readonly files: ModelFiles;
}

/** What a worker needs to open a model. */
export interface ModelFiles {
  readonly id: string;
  /** As `modelKey` makes it. */
  readonly key: string;
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

/** Of one model: pages that were loaded before the newest came still ask for theirs. */
export const MAX_VERSIONS = 2;

/** The models of a folder: those that can be used, and why the others can not. */
export class Registry {
  /** By id, the newest version first; none is empty. */
  private readonly loaded = new Map<string, readonly LoadedModel[]>();
  private readonly refused = new Map<string, string>();

  /** Makes this the newest version of its model; one too many is forgotten. */
  add(added: LoadedModel): void {
    const { id, key } = added.files;
    const others = (this.loaded.get(id) ?? []).filter(({ files }) => files.key !== key);
    this.loaded.set(id, [added, ...others].slice(0, MAX_VERSIONS));
    this.refused.delete(id);
  }

  /** Tells why the newest files of a model are not used; versions from before stay in use. */
  refuse(id: string, reason: string): void {
    this.refused.set(id, reason);
  }

  /** Whether that has been told of it last. */
  isRefusedFor(id: string, reason: string): boolean {
    return this.refused.get(id) === reason;
  }

  /** Takes one version out of use, which no engine here can run. */
  refuseVersion(key: string, reason: string): void {
    const found = this.models().find(({ files }) => files.key === key);
    if (found === undefined) return;
    const { id } = found.files;
    const others = this.loaded.get(id)!.filter((one) => one !== found);
    if (others.length > 0) this.loaded.set(id, others);
    else this.loaded.delete(id);
    this.refuse(id, reason);
  }

  /** Forgets all of a model. */
  withdraw(id: string): void {
    this.loaded.delete(id);
    this.refused.delete(id);
  }

  models(): readonly LoadedModel[] {
    return [...this.loaded.values()].flat();
  }

  /** Ids of all that were found, usable or not. */
  ids(): readonly string[] {
    return [...new Set([...this.loaded.keys(), ...this.refused.keys()])];
  }

  /**
   * @param version as in the URL, or its `versionNumber`; null takes the newest
   * @throws EddiError `not-found`, naming what there is; `unavailable`, saying why
   */
  find(id: string, version: string | null): LoadedModel {
    const versions = this.versions(id);
    if (version === null) return versions[0]!;
    const found = versions.find(({ model }) =>
      [model.version, versionNumber(model.version)].includes(version),
    );
    if (found !== undefined) return found;
    const known = versions.map(({ model }) => model.version).join(" or ");
    throw new EddiError("not-found", `model ${id}: expected version ${known}, got ${version}`);
  }

  /**
   * All versions in use, the newest first.
   *
   * @throws EddiError as `find`
   */
  versions(id: string): readonly LoadedModel[] {
    const versions = this.loaded.get(id);
    if (versions !== undefined) return versions;
    const reason = this.refused.get(id);
    if (reason !== undefined) {
      const cause = new Shed("model", MODEL_RETRY_MS);
      throw new EddiError("unavailable", `model ${id} is not ready: ${reason}`, { cause });
    }
    const known = [...this.loaded.keys()].join(", ") || "none";
    throw new EddiError("not-found", `expected one of the models ${known}, got ${id}`);
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

/** Of a model.json: the graph and its metadata, no weights. */
const MAX_JSON_BYTES = 64 << 20;
/** Of one shard; ours have 4 MB at most. */
const MAX_SHARD_BYTES = 1 << 30;

/**
 * Reads every sub-folder that holds a model.json, but for those that begin with a dot: models under way. A model
 * that is not what it says, or cannot be read, is refused, and the others go on.
 *
 * @throws EddiError `bad-argument` when the folder cannot be read; one that is not there holds no models
 */
export async function loadModels(from: Folder | string): Promise<Registry> {
  const folder = typeof from === "string" ? new Folder(from) : from;
  const registry = new Registry();
  for (const id of await listModels(folder)) {
    try {
      const loaded = await loadModel(folder, id);
      if (loaded !== null) registry.add(loaded);
    } catch (thrown) {
      registry.refuse(id, toEddiError(thrown).message);
    }
  }
  return registry;
}

/**
 * Names of the folders that may hold a model, sorted.
 *
 * @throws EddiError as `loadModels`
 */
export async function listModels(folder: Folder): Promise<readonly string[]> {
  try {
    const entries = await folder.list();
    const folders = entries.filter(({ name, kind }) => !name.startsWith(".") && /^(folder|link)$/.test(kind));
    return folders.map(({ name }) => name);
  } catch (cause) {
    const { message, cause: system } = cause as EddiError;
    const code = (system as NodeJS.ErrnoException | undefined)?.code;
    if (code === "ENOENT") return [];
    const came =
      code === undefined ? `a folder: ${message}: ${folder.dir}` : `a folder, got ${code} for ${folder.dir}`;
    throw new EddiError("bad-argument", `models: expected ${came}`, { cause });
  }
}

/** Names a model and its version. */
export function modelKey({ metadata, version }: Model): string {
  return `${metadata.id}@${version}`;
}

/**
 * @returns null when there is no model.json
 * @throws EddiError saying what is wrong with the files
 */
export async function loadModel(folder: Folder, id: string): Promise<LoadedModel | null> {
  const json = await readIfThere(folder, `${id}/model.json`, MAX_JSON_BYTES, false);
  if (json === null) return null;
  const model = readModel(json);
  if (model.metadata.id !== id) {
    throw new EddiError("bad-metadata", `id: expected the folder's name ${id}, got ${model.metadata.id}`);
  }
  const shards: Uint8Array[] = [];
  for (const shard of model.shards) {
    const bytes = await readIfThere(folder, `${id}/${shard.path}`, MAX_SHARD_BYTES, true);
    if (bytes === null) {
      throw new EddiError("bad-weights", `${shard.path}: expected ${shard.bytes} bytes, got no such file`);
    }
    verifyShard(shard, bytes);
    // Of a fitted codec: its tables are what they must be, or the model is refused.
    codersIn(model, shard, bytes);
    shards.push(bytes);
  }
  return { model, files: { id, key: modelKey(model), json, shards } };
}

async function readIfThere(
  folder: Folder,
  path: string,
  most: number,
  shared: boolean,
): Promise<Uint8Array | null> {
  try {
    return await folder.read(path, most, shared);
  } catch (thrown) {
    const { code, message } = toEddiError(thrown);
    if (code === "not-found") return null;
    // It is the folder that does not answer, whatever was asked for.
    if (code === "unavailable") throw thrown;
    throw new EddiError(code, `${path.slice(path.indexOf("/") + 1)}: ${message}`, { cause: thrown });
  }
}
