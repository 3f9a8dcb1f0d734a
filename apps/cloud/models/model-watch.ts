import { setTimeout as sleep } from "node:timers/promises";
import { type EddiError, toEddiError } from "#shared/errors";
import type { WorkerPool } from "../execution/worker-pool.ts";
import type { Folder } from "../files/folder.ts";
import { listModels, loadModel, type Registry } from "./registry.ts";

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
  private trouble = "";
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

  private async watch(everyMs: number): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      try {
        await sleep(everyMs, undefined, { signal, ref: false });
        await this.update();
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
    for (const [id, reason] of failed) this.refuse(id, reason);
    for (const [id, stamp] of settled) {
      if (this.dealtWith.get(id) === stamp) continue;
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

  private async withdraw(id: string): Promise<void> {
    const { registry, log } = this.options;
    const gone = registry.models().filter(({ files }) => files.id === id);
    registry.withdraw(id);
    this.dealtWith.delete(id);
    log.info(`model ${id}: withdrawn`);
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
