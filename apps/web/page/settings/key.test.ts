import { expect, test } from "vitest";
import { addressWithKey, takeKey } from "./key.ts";

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

test("the next page is told the key where the tab could not remember it, and takes it as it was", () => {
  const address = "https://host/?model=other";
  const tabOf = (kept: string | null) => ({ getItem: () => kept, setItem: () => {} });
  expect(addressWithKey(address, null, tabOf(null))).toBe(address);
  expect(addressWithKey(address, "eddi_abc", tabOf("eddi_abc"))).toBe(address);
  for (const key of ["eddi_abc", "a&b=c+d%#?"]) {
    const told = addressWithKey(address, key, tabOf("eddi_old"));
    expect(tab(new URL(told).hash)).toMatchObject({ key, kept: key });
    expect(addressWithKey(told, null, tabOf(null)).startsWith(address)).toBe(true);
  }
});
