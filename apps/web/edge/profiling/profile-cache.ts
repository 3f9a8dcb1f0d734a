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

/** The browser's Cache API, which workers have too; a browser that denies it remembers nothing. */
export const browserCache: ProfileCache = {
  async read(key) {
    try {
      const stored = await (await caches.open(STORE)).match(urlOf(key));
      return stored === undefined ? null : await stored.json();
    } catch {
      return null;
    }
  },
  async write(key, value) {
    try {
      const store = await caches.open(STORE);
      const entries = await store.keys();
      for (const old of entries.slice(0, Math.max(0, entries.length - MAX_ENTRIES + 1)))
        await store.delete(old);
      await store.put(urlOf(key), Response.json(value));
    } catch (thrown) {
      console.warn(`profile cache: ${(thrown as Error).message}`);
    }
  },
};

/** An address that nothing answers: the key of the entry. */
function urlOf(key: string): string {
  return `https://profiles-of-this-device.invalid/?${encodeURIComponent(key)}`;
}
