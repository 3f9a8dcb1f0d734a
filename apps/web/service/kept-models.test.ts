import { caches as emptyCaches, Response as OwnResponse } from "undici";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { KeptModel, keptModels } from "./kept-models.ts";
import { Service } from "./service.ts";

const service = new Service({ baseUrl: "https://eddi.example/a/", key: null });
const other = new Service({ baseUrl: "https://eddi.example/b/", key: null });
const hash = (digit: number): string => `${digit}`.repeat(64);
const description = (...shards: readonly number[]): Uint8Array =>
  new TextEncoder().encode(JSON.stringify({ shards: shards.map((digit) => ({ sha256: hash(digit) })) }));
const bytes = (length: number): Uint8Array => new Uint8Array(length).fill(length);

beforeEach(() => {
  vi.stubGlobal("caches", emptyCaches);
  vi.stubGlobal("Response", OwnResponse);
});
afterEach(async () => {
  for (const name of await emptyCaches.keys()) await emptyCaches.delete(name);
  vi.unstubAllGlobals();
});

/** A model whose weights are kept. */
async function keep(id: string, shards: readonly number[], of = service): Promise<KeptModel> {
  const model = new KeptModel(of, id);
  await model.keepDescription(description(...shards));
  for (const digit of shards) await model.keepShard(hash(digit), bytes(digit));
  return model;
}

test("a model is there again on the next visit, and known by its name", async () => {
  await keep("one", [1, 2]);
  const again = new KeptModel(service, "one");
  expect(await again.description()).toEqual(description(1, 2));
  expect(await again.shard(hash(2))).toEqual(bytes(2));
  expect(await again.shard(hash(3))).toBeNull();
  expect(await keptModels(service)).toEqual(["one"]);
  expect(await keptModels(other)).toEqual([]);
});

test("weights stay while any model names them, and go with the version that was the last to", async () => {
  const one = await keep("one", [1, 2]);
  const two = await keep("two", [2, 3], other);
  await one.keepDescription(description(4));
  expect(await one.shard(hash(1))).toBeNull();
  expect(await two.shard(hash(2))).toEqual(bytes(2));
});

test("of more models than there is room for the first ones go", async () => {
  for (const digit of [1, 2, 3, 4, 5, 6]) await keep(`model${digit}`, [digit]);
  expect(await keptModels(service)).toEqual(["model2", "model3", "model4", "model5", "model6"]);
  expect(await new KeptModel(service, "model1").shard(hash(1))).toBeNull();
});

test("a shard that is not what it should be is forgotten, and kept when it comes anew", async () => {
  const model = await keep("one", [1]);
  await model.forgetShard(hash(1));
  expect(await model.shard(hash(1))).toBeNull();
  await model.keepShard(hash(1), bytes(1));
  expect(await model.shard(hash(1))).toEqual(bytes(1));
});

test("where there is no room, other models make some", async () => {
  await keep("one", [1]);
  const two = await keep("two", [2]);
  vi.stubGlobal("caches", withRoomOf(1));
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  await two.keepShard(hash(3), bytes(3));
  expect(await two.shard(hash(3))).toEqual(bytes(3));
  expect(await keptModels(service)).toEqual(["two"]);
  warn.mockRestore();
});

/** The same caches, where a weight is refused while there are more than so many models. */
function withRoomOf(models: number): object {
  return {
    open: async (name: string) => {
      const cache = await emptyCaches.open(name);
      const put = async (url: string, response: never): Promise<void> => {
        const kept = await (await emptyCaches.open("eddi-models")).keys();
        if (name === "eddi-weights" && kept.length > models)
          throw new DOMException("Quota exceeded.", "QuotaExceededError");
        await cache.put(url, response);
      };
      return {
        put,
        match: (url: string) => cache.match(url),
        keys: () => cache.keys(),
        delete: (url: string) => cache.delete(url),
      };
    },
  };
}
