import { expect, test } from "vitest";
import { EddiError } from "#shared/errors";
import type { Shard } from "#shared/model";
import { ShardLoader, type ShardLoaderOptions } from "./shard-loader.ts";

const shards: readonly Shard[] = ["a", "b", "c", "d"].map((path) => ({
  path,
  bytes: 1,
  sha256: "",
  weights: [],
}));
const never = new AbortController().signal;

/** A loader over a fetch that logs what it is asked for; `corrupt` tells which fetches bring wrong bytes. */
function setUp(corrupt: (path: string, fresh: boolean) => boolean = () => false) {
  const log: string[] = [];
  let running = 0;
  let most = 0;
  const options: ShardLoaderOptions = {
    shards,
    fetch: async ({ path }, fresh) => {
      log.push(fresh ? `${path}!` : path);
      most = Math.max(most, ++running);
      await new Promise((done) => setTimeout(done, 1));
      running--;
      return Uint8Array.of(corrupt(path, fresh) ? 1 : 0);
    },
    accept: (shard, bytes) => {
      if (bytes[0] !== 0) throw new EddiError("bad-weights", `${shard.path}: wrong`);
    },
    onChange: () => {},
  };
  return { loader: new ShardLoader(options), log, most: () => most };
}

const stateOf = (loader: ShardLoader): string =>
  loader.states.map(({ path, state }) => `${path} ${state}`).join(", ");

test("only what is asked for is fetched, once, in order, two at a time", async () => {
  const { loader, log, most } = setUp();
  await Promise.all([loader.load(shards.slice(0, 3), never), loader.load(shards.slice(1, 3), never)]);
  await loader.load(shards.slice(0, 3), never);
  expect(log.toSorted()).toEqual(["a", "b", "c"]);
  expect(log[0]).toBe("a");
  expect(most()).toBeLessThanOrEqual(4);
  expect(stateOf(loader)).toBe("a ready, b ready, c ready, d absent");
});

test("a corrupt shard is fetched once more past the cache", async () => {
  const { loader, log } = setUp((path, fresh) => path === "b" && !fresh);
  await loader.load(shards.slice(0, 2), never);
  expect(log).toEqual(["a", "b", "b!"]);
  expect(stateOf(loader)).toContain("b ready");
});

test("a shard that stays corrupt fails with its error, and is tried anew when asked for again", async () => {
  let broken = true;
  const { loader, log } = setUp((path) => path === "b" && broken);
  await expect(loader.load(shards.slice(0, 2), never)).rejects.toMatchObject({ code: "bad-weights" });
  expect(stateOf(loader)).toBe("a ready, b failed, c absent, d absent");
  broken = false;
  await loader.load(shards.slice(0, 2), never);
  expect(log).toEqual(["a", "b", "b!", "b"]);
  expect(stateOf(loader)).toContain("b ready");
});

test("an aborted load fetches nothing more", async () => {
  const { loader, log } = setUp();
  const controller = new AbortController();
  const loading = loader.load(shards, controller.signal);
  controller.abort(new EddiError("cancelled", "enough"));
  await expect(loading).rejects.toMatchObject({ code: "cancelled" });
  expect(log).toEqual(["a", "b"]);
});
