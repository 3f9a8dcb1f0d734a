import { EddiError, toEddiError } from "#shared/errors";
import type { Shard } from "#shared/model";
import type { ShardState } from "../../talk/edge.ts";

export interface ShardLoaderOptions {
  readonly shards: readonly Shard[];
  /** Fetches a shard's bytes and tells how many are there; `fresh` goes past every cache. */
  readonly fetch: (shard: Shard, fresh: boolean, onArrived: (bytes: number) => void) => Promise<Uint8Array>;
  /** Checks and takes the bytes; throws `bad-weights` when they are not the shard's. */
  readonly accept: (shard: Shard, bytes: Uint8Array) => void;
  readonly onChange: (states: readonly ShardState[]) => void;
}

/** How often it is told that more bytes are there. */
const TELL_MS = 250;

/** Fetches weight shards when they are asked for, each once however often it is asked for. */
export class ShardLoader {
  private readonly options: ShardLoaderOptions;
  private readonly ready = new Set<string>();
  private readonly failed = new Set<string>();
  private readonly loading = new Map<string, Promise<void>>();
  private telling: ReturnType<typeof setTimeout> | null = null;
  /** Bytes that are there of those that are loading. */
  private readonly arrived = new Map<string, number>();

  constructor(options: ShardLoaderOptions) {
    this.options = options;
  }

  get states(): readonly ShardState[] {
    return this.options.shards.map(({ path, bytes }) => {
      const held = this.ready.has(path) ? "ready" : this.loading.has(path) ? "loading" : null;
      const arrivedBytes = held === "ready" ? bytes : (this.arrived.get(path) ?? 0);
      return { path, bytes, arrivedBytes, state: held ?? (this.failed.has(path) ? "failed" : "absent") };
    });
  }

  /** Nothing is there any more: what had accepted it is gone. */
  forget(): void {
    this.ready.clear();
    this.arrived.clear();
    this.changed();
  }

  /**
   * Fetches these shards, at most two at a time, in their order; those that failed before are tried anew.
   * Others may wait for the same shard, so an abort ends this load but no fetch that has begun.
   *
   * @throws EddiError of the first shard that fails: `bad-weights` when it is corrupt, `unavailable`
   */
  async load(shards: readonly Shard[], signal: AbortSignal): Promise<void> {
    const queue = shards.filter((shard) => !this.ready.has(shard.path));
    const worker = async (): Promise<void> => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        signal.throwIfAborted();
        await this.loadOne(next);
      }
    };
    const results = await Promise.allSettled([worker(), worker()]);
    for (const result of results) if (result.status === "rejected") throw toEddiError(result.reason);
  }

  private loadOne(shard: Shard): Promise<void> {
    if (this.ready.has(shard.path)) return Promise.resolve();
    const started =
      this.loading.get(shard.path) ??
      this.fetchOne(shard).finally(() => {
        this.loading.delete(shard.path);
        this.changed();
      });
    if (!this.loading.has(shard.path)) {
      this.loading.set(shard.path, started);
      this.changed();
    }
    return started;
  }

  /** A shard that is not what its hash says is fetched once more, past the cache that may hold it. */
  private async fetchOne(shard: Shard): Promise<void> {
    this.failed.delete(shard.path);
    const onArrived = (bytes: number): void => {
      this.arrived.set(shard.path, bytes);
      this.progressed();
    };
    try {
      const bytes = await this.options.fetch(shard, false, onArrived);
      try {
        this.options.accept(shard, bytes);
      } catch (thrown) {
        if (!(thrown instanceof EddiError) || thrown.code !== "bad-weights") throw thrown;
        this.options.accept(shard, await this.options.fetch(shard, true, onArrived));
      }
      this.ready.add(shard.path);
    } catch (thrown) {
      this.failed.add(shard.path);
      throw thrown;
    }
  }

  private changed(): void {
    this.options.onChange(this.states);
  }

  private progressed(): void {
    this.telling ??= setTimeout(() => {
      this.telling = null;
      this.changed();
    }, TELL_MS);
  }
}
