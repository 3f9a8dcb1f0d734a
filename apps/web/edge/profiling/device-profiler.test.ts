import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { allEdge, readModel } from "#shared/model";
import { type Profile, readProfile, type Stopwatch } from "#shared/profile";
import type { Profiling } from "../../talk/edge.ts";
import { DeviceProfiler, type ProfiledDevice, type ProfilerOptions } from "./device-profiler.ts";
import { type ProfileCache, profileKey } from "./profile-cache.ts";

const model = readModel(readFileSync("models/tiny/model.json"));
const exits = model.metadata.exits.map(({ id }) => id);
const nodesOf = (exit: string) => new Set(allEdge(model, exit).head.slice(1));
const first = nodesOf(exits[0]!);
const all = new Set(exits.flatMap((exit) => [...nodesOf(exit)]));

/** A device on which every node takes 1 ms, a call 2 ms, and a clock that only it moves. */
function fakeDevice(change: Partial<ProfiledDevice> = {}, nodeMs = 1) {
  let clockMs = 0;
  const log = { timings: 0, segments: [] as string[], during: () => {} };
  const spend = async (ms: number, runs: number): Promise<number> => {
    log.timings++;
    clockMs += ms * runs;
    log.during();
    return ms;
  };
  const watch: Stopwatch = {
    whole: (segment, runs) => {
      log.segments.push(...segment.nodes);
      return spend(2 + nodeMs * segment.nodes.length, runs);
    },
    inside: (segment, runs) => spend(0.5 + nodeMs * segment.nodes.length, runs),
    move: (_, runs) => spend(0, runs),
    code: (_, elements, runs) => spend(elements * 1e-5, runs),
    deflate: (bytes, runs) => spend(bytes * 1e-5, runs),
    image: (_, { height, width }, runs) => spend(height * width * 1e-5, runs),
    imageCodecs: ["jpeg", "webp"],
  };
  const device: ProfiledDevice = { adapter: "a GPU", backend: "webgpu", selfTestMs: 5, watch, ...change };
  return { device, log, now: () => clockMs };
}

function memoryCache(): ProfileCache & { readonly entries: Map<string, unknown> } {
  const entries = new Map<string, unknown>();
  return {
    entries,
    read: async (key) => entries.get(key) ?? null,
    write: async (key, value) => {
      entries.set(key, JSON.parse(JSON.stringify(value)));
    },
  };
}

function setUp(fake = fakeDevice(), change: Partial<ProfilerOptions> = {}) {
  const profiles: Profile[] = [];
  const states: Profiling[] = [];
  const cache = memoryCache();
  const profiler = new DeviceProfiler({
    model,
    mode: "auto",
    slowdown: 1,
    cache,
    device: async () => fake.device,
    idle: async () => {},
    images: () => 0,
    onProfile: (profile) => profiles.push(profile),
    onChange: (profiling) => states.push(profiling),
    now: fake.now,
    ...change,
  });
  const measure = async (nodes: ReadonlySet<string>): Promise<Profile | undefined> => {
    profiler.nodesReady(nodes);
    await profiler.settled();
    return profiles.at(-1);
  };
  return { measure, profiler, profiles, states, cache, log: fake.log };
}

test("what is ready is measured, with progress, and the rest once it is ready too", async () => {
  const { measure, states, log } = setUp();
  const part = (await measure(first))!;
  expect(readProfile(JSON.parse(JSON.stringify(part)))).toEqual(part);
  expect(Object.keys(part.nodeMs).sort()).toEqual([...first].sort());
  expect(new Set(log.segments)).toEqual(first);
  const shares = states.map(({ share }) => share);
  expect(shares).toEqual(shares.toSorted((a, b) => a - b));
  expect(states.at(-1)).toEqual({ state: "done", share: 1, profile: part });

  const whole = (await measure(all))!;
  expect(Object.keys(whole.nodeMs).sort()).toEqual([...all].sort());
  for (const [name, ms] of Object.entries(whole.nodeMs)) expect(ms, name).toBeCloseTo(1, 6);
  const { timings } = log;
  await measure(all);
  expect(log.timings, "nothing is measured twice").toBe(timings);
});

test("a second visit takes what the first one measured, and measures only what is new", async () => {
  const before = setUp();
  await before.measure(first);
  const fake = fakeDevice();
  const { measure, states, log, profiles } = setUp(fake, { cache: before.cache });
  expect(await measure(first)).toEqual(before.profiles.at(-1));
  expect([log.timings, states.at(-1)!.state]).toEqual([0, "cached"]);
  await measure(all);
  expect(Object.keys(profiles.at(-1)!.nodeMs)).toHaveLength(all.size);
  expect(states.at(-1)!.state).toBe("done");
});

test("another device, backend or slow-down, an entry that is spoiled or of another version, is not believed", async () => {
  const before = setUp();
  await before.measure(all);
  const [[key, entry]] = [...before.cache.entries] as [[string, Profile]];
  const cached = async (
    fake = fakeDevice(),
    change: Partial<ProfilerOptions> = {},
    stored: unknown = entry,
  ) => {
    const cache = memoryCache();
    cache.entries.set(key, stored);
    const { measure, states } = setUp(fake, { cache, ...change });
    await measure(all);
    return states.some(({ state }) => state === "cached");
  };
  expect(await cached()).toBe(true);
  expect(await cached(fakeDevice({ adapter: "another GPU" }))).toBe(false);
  expect(await cached(fakeDevice({ backend: "wasm" }))).toBe(false);
  expect(await cached(fakeDevice(), { slowdown: 4 })).toBe(false);
  expect(await cached(fakeDevice(), { mode: "force" })).toBe(false);
  for (const spoiled of [
    "text",
    {},
    [],
    { ...entry, format: 1 },
    { ...entry, version: "0" },
    { ...entry, device: "another GPU" },
    { ...entry, nodeMs: { unknown: 1 } },
    { ...entry, nodeMs: { ...entry.nodeMs, [[...all][0]!]: "1" } },
    { ...entry, transfer: {} },
  ]) {
    expect(await cached(fakeDevice(), {}, spoiled), JSON.stringify(spoiled).slice(0, 60)).toBe(false);
  }
});

test("the cache's key tells apart all that a profile hangs on", () => {
  const of = { adapter: "a", backend: "b", model: "c", version: "d", slowdown: 1 };
  const others = Object.keys(of).map((field) => profileKey({ ...of, [field]: 2 as never }));
  expect(new Set([profileKey(of), ...others]).size).toBe(6);
});

test("while an image is under way nothing is timed, and a timing that one came into is repeated", async () => {
  const fake = fakeDevice();
  let images = 0;
  let resume = (): void => {};
  let underWay: Promise<void> = Promise.resolve();
  let paused = 0;
  const { measure, profiles } = setUp(fake, {
    images: () => images,
    idle: async () => {
      if (images === 1) paused++;
      await underWay;
    },
  });
  let spoiled = false;
  fake.log.during = () => {
    if (fake.log.timings !== 20) return;
    // An image comes in the middle of a timing.
    images = 1;
    spoiled = true;
    underWay = new Promise((done) => {
      resume = done;
    });
  };
  const measuring = measure(all);
  await new Promise((done) => setTimeout(done, 20));
  expect([spoiled, fake.log.timings, profiles.length]).toEqual([true, 20, 0]);
  expect(paused).toBe(1);
  resume();
  await measuring;
  expect(profiles).toHaveLength(1);
  expect(fake.log.timings).toBeGreaterThan(20);
});

test("a slow-down is in every time, but nobody waits for it", async () => {
  const [plain, slow] = [setUp(), setUp(fakeDevice(), { slowdown: 10 })];
  const [one, ten] = [(await plain.measure(all))!, (await slow.measure(all))!];
  for (const name of all) expect(ten.nodeMs[name]! / one.nodeMs[name]!, name).toBeCloseTo(10, 6);
  const { uint8 } = ten.transfer.codecs;
  expect(uint8.perElementMs / one.transfer.codecs.uint8.perElementMs).toBeCloseTo(10, 6);
});

test("a slow device is measured at fewer cuts, every exit still among them, in bounded time", async () => {
  const fake = fakeDevice({}, 40);
  const { measure, profiles } = setUp(fake);
  const profile = (await measure(all))!;
  expect(profiles).toHaveLength(1);
  expect(Object.keys(profile.nodeMs)).toHaveLength(all.size);
  for (const { node } of model.metadata.exits) expect(profile.samples.map(({ at }) => at)).toContain(node);
  const whole = setUp(fakeDevice());
  expect(profile.samples.length).toBeLessThan((await whole.measure(all))!.samples.length);
  // The longest heads take about 1 s each, and each of the exits' is run at least three times.
  expect(fake.now()).toBeLessThan(1000 * (3 * exits.length + 6));
});

test("it does nothing when it is off or there is no backend, and says when a backend fails", async () => {
  const off = setUp(fakeDevice(), { mode: "off" });
  await off.measure(all);
  expect([off.log.timings, off.states.at(-1)!.state]).toEqual([0, "off"]);
  const none = setUp(fakeDevice(), { device: async () => null });
  expect(await none.measure(all)).toBeUndefined();
  const broken = fakeDevice();
  const watch = { ...broken.device.watch, whole: () => Promise.reject(new Error("device lost")) };
  const failing = setUp(fakeDevice({ watch }));
  expect(await failing.measure(all)).toBeUndefined();
  expect(failing.states.at(-1)!.state).toBe("failed");
});
