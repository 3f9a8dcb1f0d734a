import { expect, test } from "vitest";
import {
  type ChoiceCache,
  chooseRuntime,
  forgetRuntime,
  isTimeFor,
  type LiteRtName,
  type RuntimeChoiceOptions,
  type RuntimeSubject,
} from "./choose-runtime.ts";

const SUBJECT: RuntimeSubject = { adapter: "a phone", backend: "wasm", model: "tiny", version: "1" };

/** A device on which LiteRT takes these times where TF.js takes 100 ms, and what was done and kept on it. */
function device(litertMs: Partial<Record<LiteRtName, number>>) {
  const kept = new Map<string, unknown>();
  const did: string[] = [];
  const cache: ChoiceCache = {
    read: async (key) => kept.get(key) ?? null,
    write: async (key, value) => void kept.set(key, value),
  };
  const choose = (change: Partial<RuntimeChoiceOptions> = {}, of: Partial<RuntimeSubject> = {}) =>
    chooseRuntime(
      { ...SUBJECT, ...of },
      {
        wish: "auto",
        cache,
        load: async () => void did.push("load"),
        measure: async (runtime) => {
          did.push(runtime);
          const ms = litertMs[runtime];
          if (ms === undefined) throw new Error("it is wrong");
          return { tfjsMs: 100, litertMs: ms };
        },
        onFailed: (message) => did.push(message),
        ...change,
      },
    );
  const since = () => did.splice(0);
  return { choose, since, kept, cache };
}

test("LiteRT is chosen where it is at least 15 % faster, and kept for the next visit", async () => {
  for (const [litertMs, chosen] of [
    [85, "litert-wasm"],
    [86, "tfjs"],
    [300, "tfjs"],
  ] as const) {
    const { choose, kept } = device({ "litert-wasm": litertMs });
    expect(await choose(), `${litertMs} ms`).toBe(chosen);
    expect([...kept.values()]).toEqual([chosen]);
  }
});

test("where TF.js was chosen before nothing is fetched; where LiteRT was, it is tried once more, whatever it takes", async () => {
  const slow = device({ "litert-wasm": 90 });
  await slow.choose();
  expect(slow.since()).toEqual(["load", "litert-wasm"]);
  expect(await slow.choose()).toBe("tfjs");
  expect(slow.since()).toEqual([]);
  // Another model, version or device has a choice of its own.
  for (const of of [{ model: "other" }, { version: "2" }, { adapter: "another" }]) {
    await slow.choose({}, of);
    expect(slow.since()).toEqual(["load", "litert-wasm"]);
  }

  const fast = device({ "litert-wasm": 50 });
  await fast.choose();
  const busy = { measure: async () => ({ tfjsMs: 100, litertMs: 95 }) };
  expect(await fast.choose(busy)).toBe("litert-wasm");
});

test("where TF.js has a GPU both of LiteRT's are tried; the fastest is taken, and one that fails told", async () => {
  const gpu = { backend: "webgpu" } as const;
  const both = device({ "litert-webgpu": 20, "litert-wasm": 60 });
  expect(await both.choose({}, gpu)).toBe("litert-webgpu");
  expect(both.since()).toEqual(["load", "litert-webgpu", "litert-wasm"]);
  expect(await both.choose({}, gpu)).toBe("litert-webgpu");
  expect(both.since()).toEqual(["load", "litert-webgpu"]);

  const one = device({ "litert-wasm": 60 });
  expect(await one.choose({}, gpu)).toBe("litert-wasm");
  expect(one.since()).toEqual(["load", "litert-webgpu", "litert-webgpu: it is wrong", "litert-wasm"]);
});

test("what computes wrongly is not tried on the next visit, what could not be fetched is", async () => {
  const wrong = device({});
  expect(await wrong.choose()).toBe("tfjs");
  expect(wrong.since()).toEqual(["load", "litert-wasm", "litert-wasm: it is wrong"]);
  await wrong.choose();
  expect(wrong.since()).toEqual([]);

  const away = device({ "litert-wasm": 50 });
  const load = (): Promise<void> => Promise.reject(new Error("no network"));
  expect(await away.choose({ load })).toBe("tfjs");
  expect([away.since(), [...away.kept]]).toEqual([["no network"], []]);
  expect(await away.choose()).toBe("litert-wasm");

  await forgetRuntime(SUBJECT, away.cache);
  away.since();
  expect([await away.choose(), away.since()]).toEqual(["tfjs", []]);
});

test("forced it is taken wherever it works, which decides nothing for other visits", async () => {
  const { choose, kept } = device({ "litert-wasm": 400 });
  expect(await choose({ wish: "litert" })).toBe("litert-wasm");
  expect(kept.size).toBe(0);
  await choose();
  expect(await choose({ wish: "litert" })).toBe("litert-wasm");
});

test("its time is after the first answers, at once where it is forced, and never for those who save data", () => {
  expect([0, 2, 3, 50].map((answers) => isTimeFor("auto", answers, false))).toEqual([
    false,
    false,
    true,
    true,
  ]);
  expect(isTimeFor("litert", 0, false)).toBe(true);
  expect(isTimeFor("tfjs", 50, false)).toBe(false);
  for (const wish of ["auto", "litert", "tfjs"] as const) expect(isTimeFor(wish, 50, true)).toBe(false);
});
