import { modelFileUrl } from "./fetch-file.ts";
import { dropKept, keptKeys, readKept, writeKept } from "./kept.ts";
import type { Service } from "./service.ts";

/** Models of all services that are kept; the one that came first makes room. */
const MOST_MODELS = 5;

/**
 * A model as this browser keeps it: its description, and weights by their hashes. So no version is ever mixed with
 * another, and the next visit needs no network.
 */
export class KeptModel {
  private readonly key: string;
  /** Hashes of shards that are kept, or cannot be. */
  private readonly settled = new Set<string>();
  private isFull = false;

  constructor(service: Pick<Service, "url">, modelId: string) {
    this.key = keyOf(service, modelId);
  }

  description(): Promise<Uint8Array | null> {
    return readKept("eddi-models", this.key);
  }

  /** Keeps a description that was found to be good, and drops the weights that none names any more. */
  async keepDescription(json: Uint8Array): Promise<void> {
    const before = await this.description();
    if (before !== null && areEqual(before, json)) return;
    if (!(await writeKept("eddi-models", this.key, json))) return;
    const keys = await keptKeys("eddi-models");
    await dropKept("eddi-models", keys.slice(0, -MOST_MODELS));
    await dropUnnamed();
  }

  /** What is kept of a shard: whether it is the shard is for the reader to check. */
  async shard(sha256: string): Promise<Uint8Array | null> {
    const bytes = await readKept("eddi-weights", sha256);
    if (bytes !== null) this.settled.add(sha256);
    return bytes;
  }

  /** What was kept is not what it should be. */
  async forgetShard(sha256: string): Promise<void> {
    this.settled.delete(sha256);
    await dropKept("eddi-weights", [sha256]);
  }

  /** Keeps a shard that was found to be good. Where there is no room, other models make some. */
  async keepShard(sha256: string, bytes: Uint8Array): Promise<void> {
    if (this.settled.has(sha256) || this.isFull) return;
    this.settled.add(sha256);
    if (await writeKept("eddi-weights", sha256, bytes)) return;
    const others = (await keptKeys("eddi-models")).filter((key) => key !== this.key);
    await dropKept("eddi-models", others);
    await dropUnnamed();
    this.isFull = !(await writeKept("eddi-weights", sha256, bytes));
  }
}

/** Ids of the models of a service that are kept. */
export async function keptModels(service: Pick<Service, "url">): Promise<readonly string[]> {
  const keys = await keptKeys("eddi-models");
  const ids = keys.map((key) => decodeURIComponent(/\/models\/([^/]+)\/model\.json$/.exec(key)?.[1] ?? ""));
  return ids.filter((id, at) => id !== "" && keys[at] === keyOf(service, id));
}

function keyOf(service: Pick<Service, "url">, modelId: string): string {
  return service.url(modelFileUrl(modelId, "model.json")).href;
}

/** Drops the weights of models and versions that are not kept any more. */
async function dropUnnamed(): Promise<void> {
  const named = new Set<string>();
  for (const key of await keptKeys("eddi-models")) {
    const json = await readKept("eddi-models", key);
    // All hashes that a description names: that one may be of something else does no harm.
    for (const [hash] of new TextDecoder().decode(json ?? undefined).matchAll(/\b[0-9a-f]{64}\b/g))
      named.add(hash);
  }
  await dropKept(
    "eddi-weights",
    (await keptKeys("eddi-weights")).filter((hash) => !named.has(hash)),
  );
}

function areEqual(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}
