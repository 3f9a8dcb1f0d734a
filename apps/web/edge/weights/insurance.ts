import { allEdge, type Model, type Shard, shardsFor } from "#shared/model";

/** The weights of the first exit, kept in memory: when the engine is lost, the network may be away too. */
export class Insurance {
  private readonly shards: ReadonlySet<string>;
  private readonly kept = new Map<string, Uint8Array>();

  constructor(model: Model) {
    const { head } = allEdge(model, model.metadata.exits[0]!.id);
    this.shards = new Set(shardsFor(model, head).map(({ path }) => path));
  }

  bytesOf({ path }: Shard): Uint8Array | undefined {
    return this.kept.get(path);
  }

  /** @param bytes that were found to be the shard's */
  keep({ path }: Shard, bytes: Uint8Array): void {
    if (this.shards.has(path)) this.kept.set(path, bytes);
  }
}
