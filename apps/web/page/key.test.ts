import { expect, test } from "vitest";
import { takeKey } from "./key.ts";

function tab(hash: string, stored: string | null = null) {
  const kept = new Map(stored === null ? [] : [["eddi-key", stored]]);
  const addresses: string[] = [];
  const key = takeKey({
    location: { hash, pathname: "/", search: "?model=tiny" },
    history: { replaceState: (_data, _unused, url) => void addresses.push(`${url}`) },
    storage: {
      getItem: (field) => kept.get(field) ?? null,
      setItem: (field, value) => void kept.set(field, value),
    },
  });
  return { key, kept: kept.get("eddi-key") ?? null, addresses };
}

test("a key in the address is kept for this tab, and leaves the address", () => {
  expect(tab("#key=eddi_abc")).toEqual({ key: "eddi_abc", kept: "eddi_abc", addresses: ["/?model=tiny"] });
  expect(tab("#key=eddi_new", "eddi_old")).toMatchObject({ key: "eddi_new", kept: "eddi_new" });
});

test("without one the tab's own is taken, if it has any", () => {
  expect(tab("", "eddi_abc")).toEqual({ key: "eddi_abc", kept: "eddi_abc", addresses: [] });
  expect(tab("#about").key).toBeNull();
});

test("what no header could carry is no key", () => {
  for (const hash of ["#key=", "#key=a%0Ab", "#key=%C3%A4", `#key=${"k".repeat(257)}`]) {
    expect(tab(hash)).toEqual({ key: null, kept: null, addresses: [] });
  }
});
