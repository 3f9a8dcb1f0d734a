import { afterEach, expect, test, vi } from "vitest";
import { browserCache } from "./profile-cache.ts";

afterEach(() => vi.unstubAllGlobals());

const denied = async (): Promise<never> => {
  throw new DOMException("An attempt was made to break through the security policy.", "SecurityError");
};
const full = async (): Promise<never> => {
  throw new DOMException("Quota exceeded.", "QuotaExceededError");
};
const empty = { keys: async () => [], match: async () => undefined };

/** The Cache API as browsers have it that refuse site data, have none, or have no room left. */
const CACHES: Readonly<Record<string, unknown>> = {
  absent: undefined,
  refused: { open: denied },
  "refused when it is used": { open: async () => ({ keys: denied, match: denied, put: denied }) },
  full: { open: async () => ({ ...empty, put: full }) },
  "full when it is opened": { open: full },
};

test.each(Object.entries(CACHES))(
  "a cache that is %s remembers nothing, and throws nothing",
  async (_, caches) => {
    vi.stubGlobal("caches", caches);
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    await browserCache.write("key", { a: 1 });
    expect(await browserCache.read("key")).toBeNull();
    expect(warn).toHaveBeenCalled();
    warn.mockRestore();
  },
);

test("a browser that throws when the cache is but looked at remembers nothing either", async () => {
  Object.defineProperty(globalThis, "caches", {
    configurable: true,
    get: () => {
      throw new DOMException("The operation is insecure.", "SecurityError");
    },
  });
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  try {
    await browserCache.write("key", { a: 1 });
    expect(await browserCache.read("key")).toBeNull();
  } finally {
    Reflect.deleteProperty(globalThis, "caches");
    warn.mockRestore();
  }
});
