/**
 * What is kept from one visit to the next, in the browser's Cache API, which workers have too. Nothing of it is trusted
 * when it is read. A browser that denies it, has none, or has no room left remembers nothing, and nothing else is lost.
 */
export type Store = "eddi-profiles" | "eddi-models" | "eddi-weights";

/** What was kept; null when there is nothing, or nothing that can be read. */
export async function readKept(store: Store, key: string): Promise<Uint8Array | null> {
  try {
    const stored = await (await caches.open(store)).match(urlOf(key));
    return stored === undefined ? null : new Uint8Array(await stored.arrayBuffer());
  } catch {
    return null;
  }
}

/** @returns whether it is kept now */
export async function writeKept(store: Store, key: string, bytes: Uint8Array): Promise<boolean> {
  try {
    await (await caches.open(store)).put(urlOf(key), new Response(bytes as Uint8Array<ArrayBuffer>));
    return true;
  } catch (thrown) {
    console.warn(`${store}: ${(thrown as Error).message}`);
    return false;
  }
}

/** Keys of all that is kept, oldest first. */
export async function keptKeys(store: Store): Promise<readonly string[]> {
  try {
    const requests = await (await caches.open(store)).keys();
    return requests.map(({ url }) => decodeURIComponent(new URL(url).search.slice(1)));
  } catch {
    return [];
  }
}

export async function dropKept(store: Store, keys: readonly string[]): Promise<void> {
  try {
    const cache = await caches.open(store);
    for (const key of keys) await cache.delete(urlOf(key));
  } catch {
    // Then there is nothing to drop.
  }
}

/** An address that nothing answers: the key of the entry. */
function urlOf(key: string): string {
  return `https://kept-on-this-device.invalid/?${encodeURIComponent(key)}`;
}
