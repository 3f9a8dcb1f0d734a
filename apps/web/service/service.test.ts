import { afterEach, expect, test, vi } from "vitest";
import { Service } from "./service.ts";

afterEach(() => vi.unstubAllGlobals());

/** What was asked for, of whichever service. */
function asked(): { readonly url: string; readonly key: string | null }[] {
  const requests: { url: string; key: string | null }[] = [];
  vi.stubGlobal("fetch", async (url: string, { headers }: RequestInit = {}) => {
    requests.push({ url, key: new Headers(headers).get("authorization") });
    return new Response();
  });
  vi.stubGlobal(
    "WebSocket",
    class {
      constructor(url: URL, protocols: string | string[]) {
        requests.push({ url: url.href, key: Array.isArray(protocols) ? protocols[1]! : null });
      }
    },
  );
  return requests;
}

test("two services of one thread keep their addresses and keys apart", async () => {
  const requests = asked();
  const plain = new Service({ baseUrl: "http://one.example/", key: null });
  const keyed = new Service({ baseUrl: "https://two.example/ai%20lab/eddi/", key: "secret" });
  for (const service of [plain, keyed]) {
    await service.fetch("/v2/probe", { method: "POST" });
    await service.fetch("models/tiny/model.json");
    service.socket("/v2/stream", "eddi");
  }
  expect(plain.traffic).not.toBe(keyed.traffic);
  expect(requests).toEqual([
    { url: "http://one.example/v2/probe", key: null },
    { url: "http://one.example/models/tiny/model.json", key: null },
    { url: "ws://one.example/v2/stream", key: null },
    { url: "https://two.example/ai%20lab/eddi/v2/probe", key: "Bearer secret" },
    { url: "https://two.example/ai%20lab/eddi/models/tiny/model.json", key: "Bearer secret" },
    { url: "wss://two.example/ai%20lab/eddi/v2/stream", key: expect.stringMatching(/secret$/) },
  ]);
});
