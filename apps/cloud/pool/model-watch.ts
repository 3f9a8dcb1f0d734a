import { setTimeout as sleep } from "node:timers/promises";
import { EddiError, toEddiError } from "#shared/errors";
import type { Folder } from "../files/folder.ts";
import { listModels, loadModel, type Registry } from "../models/registry.ts";
import type { WorkerPool } from "./worker-pool.ts";

export interface WatchOptions {
  readonly folder: Folder;
  /** What `stampsOf` told of it before it was loaded. */
  readonly loaded: ReadonlyMap<string, string>;
  /** How often the folder is looked at; 0 is never. */
  readonly everyMs: number;
  readonly registry: Registry;
  readonly pool: Pick<WorkerPool, "setModels" | "holds">;
  readonly log: {
    readonly info: (message: string) => void;
    readonly error: (message: string) => void;
  };
}

/** How often it is asked whether a version that goes is still at work. */
const AT_WORK_POLL_MS = 50;

/**
 * Takes models into use that come or change in the folder, and out of use when they go. It looks again and again, as
 * notices of changes do not come from network drives, nor reliably from mounted volumes. A folder counts once it has
 * not changed between two looks, and a model once all its hashes are right and every worker has it warm: until then
 * its version from before, which stays in use beside the new one for those who ask for it, answers.
 */
export class ModelWatch {
  private readonly options: WatchOptions;
  /** By id: the files as they were at the last look, and as they were when they were last dealt with. */
  private seen: ReadonlyMap<string, string>;
  private readonly dealtWith: Map<string, string>;
  /** Models that somebody has unloaded: they stay so until somebody loads them. */
  private readonly unloaded = new Set<string>();
  private trouble = "";
  /** One thing at a time is done with models: the last of these doings. */
  private doings: Promise<unknown> = Promise.resolve();
  private readonly stopping = new AbortController();

  constructor(options: WatchOptions) {
    this.options = options;
    this.seen = options.loaded;
    this.dealtWith = new Map(options.loaded);
  }

  /** Watches until `stop`. */
  start(): void {
    const { everyMs } = this.options;
    if (everyMs > 0) void this.watch(everyMs);
  }

  stop(): void {
    this.stopping.abort();
  }

  /**
   * Takes a model of the folder into use, or its files as they are now, and waits until it is.
   *
   * @throws EddiError `not-found`, or saying why it cannot be used
   */
  load(id: string): Promise<void> {
    return this.inTurn(async () => {
      await this.checkFound(id);
      const { registry, folder } = this.options;
      const stamp = (await stampsOf(folder)).stamps.get(id);
      this.unloaded.delete(id);
      if ((await this.take(id)) && stamp !== undefined) this.dealtWith.set(id, stamp);
      const refused = registry.index().find(({ name, state }) => name === id && state !== "READY");
      if (refused !== undefined) throw new EddiError("bad-model", `model ${id}: ${refused.reason}`);
    });
  }

  /**
   * Takes a model out of use, and waits until its requests under way have ended.
   *
   * @throws EddiError `not-found`
   */
  unload(id: string): Promise<void> {
    return this.inTurn(async () => {
      const { registry } = this.options;
      if (!registry.ids().includes(id)) await this.checkFound(id);
      this.unloaded.add(id);
      await this.withdraw(id, "unloaded");
    });
  }

  /** Ids of the models of the folder, in use or not. */
  async found(): Promise<readonly string[]> {
    const { stamps, failed } = await stampsOf(this.options.folder);
    return [...stamps.keys(), ...failed.keys()];
  }

  private async checkFound(id: string): Promise<void> {
    const found = await this.found();
    if (found.includes(id)) return;
    throw new EddiError("not-found", `expected one of the models ${found.join(", ") || "none"}, got ${id}`);
  }

  private inTurn<T>(doing: () => Promise<T>): Promise<T> {
    const done = this.doings.then(doing);
    this.doings = done.catch(() => {});
    return done;
  }

  private async watch(everyMs: number): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      try {
        await sleep(everyMs, undefined, { signal, ref: false });
        await this.inTurn(() => this.update());
        this.trouble = "";
      } catch (thrown) {
        if (signal.aborted) return;
        // A folder that cannot be read withdraws nothing, and is told once.
        const { message } = toEddiError(thrown);
        if (message !== this.trouble) this.options.log.error(`models: ${message}`);
        this.trouble = message;
      }
    }
  }

  private async update(): Promise<void> {
    const { folder, registry } = this.options;
    // Where there is no folder any more, nothing is withdrawn.
    await folder.list();
    const { stamps, failed } = await stampsOf(folder);
    const settled = [...stamps].filter(([id, stamp]) => this.seen.get(id) === stamp);
    this.seen = stamps;
    for (const id of registry.ids()) if (!stamps.has(id) && !failed.has(id)) await this.withdraw(id);
    for (const [id, reason] of failed) if (!this.unloaded.has(id)) this.refuse(id, reason);
    for (const [id, stamp] of settled) {
      if (this.dealtWith.get(id) === stamp || this.unloaded.has(id)) continue;
      if (await this.take(id)) this.dealtWith.set(id, stamp);
    }
  }

  /** @returns whether it need not be tried again before its files change */
  private async take(id: string): Promise<boolean> {
    const { folder, registry, pool, log } = this.options;
    try {
      const loaded = await loadModel(folder, id);
      if (loaded === null) return true;
      const { key } = loaded.files;
      const { version } = loaded.model;
      const before = registry.models();
      if (before.some(({ files }) => files.key === key)) {
        registry.add(before.find(({ files }) => files.key === key)!);
        return true;
      }
      const { refused } = await pool.setModels([...before, loaded].map(({ files }) => files));
      const reason = refused.find(({ model }) => model === key)?.reason;
      if (reason !== undefined) throw new Error(reason);
      registry.add(loaded);
      log.info(`model ${id}, version ${version}: ready`);
      const kept = new Set(registry.models().map(({ files }) => files.key));
      await this.free(before.map(({ files }) => files.key).filter((one) => !kept.has(one)));
      return true;
    } catch (thrown) {
      if (this.stopping.signal.aborted) return false;
      const error = toEddiError(thrown);
      this.refuse(id, error);
      return error.code !== "unavailable";
    }
  }

  /** Tells why the newest files of a model are not used: once, until there is another reason. */
  private refuse(id: string, { message }: EddiError): void {
    const { registry, log } = this.options;
    if (!registry.isRefusedFor(id, message)) log.error(`model ${id}: refused: ${message}`);
    registry.refuse(id, message);
    this.dealtWith.delete(id);
  }

  /** @param why it is told of as not in use; without, it is forgotten */
  private async withdraw(id: string, why?: string): Promise<void> {
    const { registry, log } = this.options;
    const gone = registry.models().filter(({ files }) => files.id === id);
    registry.withdraw(id);
    if (why === undefined) this.unloaded.delete(id);
    else registry.refuse(id, why);
    this.dealtWith.delete(id);
    log.info(`model ${id}: ${why ?? "withdrawn"}`);
    await this.free(gone.map(({ files }) => files.key));
  }

  /** Workers forget versions that nobody can ask for any more, once those who did have their answers. */
  private async free(keys: readonly string[]): Promise<void> {
    const { pool, registry } = this.options;
    if (keys.length === 0) return;
    while (keys.some((key) => pool.holds(key))) {
      await sleep(AT_WORK_POLL_MS, undefined, { signal: this.stopping.signal, ref: false });
    }
    await pool.setModels(registry.models().map(({ files }) => files));
  }
}

/** How the folders of models look: by id, what their files look like, or why that cannot be told now. */
export interface Stamps {
  readonly stamps: ReadonlyMap<string, string>;
  readonly failed: ReadonlyMap<string, EddiError>;
}

/** Looks at every folder with a model.json. One that does not answer keeps no other from being looked at. */
export async function stampsOf(folder: Folder): Promise<Stamps> {
  const stamps = new Map<string, string>();
  const failed = new Map<string, EddiError>();
  for (const id of await listModels(folder)) {
    try {
      const stamp = await folder.stamp(id);
      if (/^model\.json /m.test(stamp)) stamps.set(id, stamp);
    } catch (thrown) {
      const error = toEddiError(thrown);
      // What goes, or is no folder, while we look is none.
      if (error.code !== "not-found") failed.set(id, error);
    }
  }
  return { stamps, failed };
}
