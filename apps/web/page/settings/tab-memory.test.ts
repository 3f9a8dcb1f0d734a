import { expect, test } from "vitest";
import { takeKey } from "./key.ts";
import { tabMemory } from "./tab-memory.ts";

const denied = (): never => {
  throw new DOMException("Access is denied for this document.", "SecurityError");
};
const full = (): never => {
  throw new DOMException("Setting the value exceeded the quota.", "QuotaExceededError");
};

/** Storages as browsers have them that refuse site data, have none, or have no room left. */
const STORAGES: Readonly<Record<string, () => Storage | undefined>> = {
  refused: denied,
  absent: () => undefined,
  "refused when it is used": () => ({ getItem: denied, setItem: denied }) as unknown as Storage,
  full: () => ({ getItem: () => null, setItem: full }) as unknown as Storage,
};

test.each(Object.entries(STORAGES))(
  "a storage that is %s remembers nothing, and throws nothing",
  (_, open) => {
    const memory = tabMemory(open);
    memory.setItem("a", "1");
    expect(memory.getItem("a")).toBeNull();
  },
);

test.each(Object.entries(STORAGES))(
  "with a storage that is %s a key in the address is used all the same",
  (_, open) => {
    const addresses: string[] = [];
    const tab = (hash: string): string | null =>
      takeKey({
        location: { hash, pathname: "/", search: "" },
        history: { replaceState: (_data, _unused, url) => void addresses.push(`${url}`) },
        storage: tabMemory(open),
      });
    expect(tab("#key=eddi_abc")).toBe("eddi_abc");
    expect(tab("")).toBeNull();
    expect(addresses).toEqual(["/"]);
  },
);

test("a storage that works is used", () => {
  const kept = new Map<string, string>();
  const memory = tabMemory(
    () =>
      ({
        getItem: (field: string) => kept.get(field) ?? null,
        setItem: (field: string, value: string) => void kept.set(field, value),
      }) as unknown as Storage,
  );
  memory.setItem("a", "1");
  expect(memory.getItem("a")).toBe("1");
});
