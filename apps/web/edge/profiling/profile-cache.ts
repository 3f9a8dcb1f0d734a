import { dropKept, keptKeys, readKept, writeKept } from "../../service/kept.ts";

/** Where measured profiles are kept from one visit to the next. Nothing of it is trusted when it is read. */
export interface ProfileCache {
  /** What was stored, as parsed JSON; null when there is nothing, or nothing that can be read. */
  read(key: string): Promise<unknown>;
  write(key: string, value: unknown): Promise<void>;
}

const STORE = "eddi-profiles";
/** Entries kept: models, versions and backends of one browser. */
const MAX_ENTRIES = 20;

/** What a profile hangs on: another device, backend, model, version or slow-down has its own. */
export function profileKey(of: {
  readonly adapter: string;
  readonly backend: string;
  readonly model: string;
  readonly version: string;
  readonly slowdown: number;
}): string {
  return JSON.stringify([of.model, of.version, of.backend, of.slowdown, of.adapter]);
}

export const browserCache: ProfileCache = {
  async read(key) {
    const bytes = await readKept(STORE, key);
    try {
      return bytes === null ? null : JSON.parse(new TextDecoder().decode(bytes));
    } catch {
      return null;
    }
  },
  async write(key, value) {
    const keys = await keptKeys(STORE);
    await dropKept(STORE, keys.slice(0, Math.max(0, keys.length - MAX_ENTRIES + 1)));
    await writeKept(STORE, key, new TextEncoder().encode(JSON.stringify(value)));
  },
};
