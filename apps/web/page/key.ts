const FIELD = "eddi-key";

/** Where the key comes from and stays: parts of `location`, `history` and `sessionStorage`. */
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
