const FIELD = "eddi-key";

/** Where the key comes from and stays: parts of `location` and `history`, and what the tab remembers. */
export interface KeyPlace {
  readonly location: Pick<Location, "hash" | "pathname" | "search">;
  readonly history: Pick<History, "replaceState">;
  readonly storage: Pick<Storage, "getItem" | "setItem">;
}

/**
 * The service's key: from the address, `#key=KEY`, which no server and no log ever sees; else what this tab was
 * opened with before. It is taken out of the address at once, so that a copied link does not pass it on.
 *
 * @returns null where none was given: the service may ask for none
 */
export function takeKey({ location, history, storage }: KeyPlace): string | null {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const given = fragment.get("key");
  if (given === null || !/^[\x21-\x7e]{1,256}$/.test(given)) return storage.getItem(FIELD);
  storage.setItem(FIELD, given);
  history.replaceState(null, "", location.pathname + location.search);
  return given;
}

/**
 * The address of the page's next visit in this tab, such as with another model. A tab that could not remember the
 * key has it told again; the page takes it out as it opens.
 */
export function addressWithKey(address: string, key: string | null, storage: KeyPlace["storage"]): string {
  if (key === null || storage.getItem(FIELD) === key) return address;
  const url = new URL(address);
  url.hash = new URLSearchParams({ key }).toString();
  return url.href;
}
