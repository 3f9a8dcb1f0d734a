import { readFileSync } from "node:fs";
import "@tensorflow/tfjs-backend-cpu";
import { ready, setBackend } from "@tensorflow/tfjs-core";
import { beforeEach, expect, test, vi } from "vitest";
import { EddiError } from "#shared/errors";
import { readModel } from "#shared/model";
import { Traffic } from "../../service/traffic.ts";
import type { Backend, Trial } from "../../talk/edge.ts";
import { type Chosen, chooseBackend } from "./choose-backend.ts";
import { EngineKeeper, type EngineKeeperOptions } from "./engine-keeper.ts";

// Backends and their devices are the end-to-end tests' matter: Node has none of them.
vi.mock("./choose-backend.ts", () => ({ chooseBackend: vi.fn(), endBackend: vi.fn(), keepReserve: vi.fn() }));
vi.mock("./device-watch.ts", () => ({
  watchDevice: () => ({ lost: new Promise<string>((lose) => devices.push(lose)), fault: () => null }),
}));

const model = readModel(readFileSync("models/tiny/model.json"));
const RETRY_MS = 5;
/** Of every engine so far: what loses its device. */
const devices: ((reason: string) => void)[] = [];

const trial = (backend: Backend, outcome: Trial["outcome"], detail = "largest error 0"): Trial => ({
  backend,
  outcome,
  medianMs: outcome === "failed" ? null : 4,
  detail,
});
const chosen = (backend: Backend): Chosen => ({ backend, medianMs: 4, tried: [trial(backend, "chosen")] });
const NOTHING: Chosen = { backend: null, medianMs: null, tried: [trial("webgl", "failed", "no context")] };

beforeEach(async () => {
  vi.mocked(chooseBackend).mockReset();
  await setBackend("cpu");
  await ready();
});

/** What is told, in its order. */
function keep(first: Promise<Chosen>, change: Partial<EngineKeeperOptions> = {}) {
  const told: string[] = [];
  const keeper = new EngineKeeper(
    model,
    {
      settings: { backend: null, avoid: [], slowdown: 2 },
      traffic: new Traffic(),
      onEngine: ({ backend, selfTestMs }) => told.push(`engine ${backend} ${selfTestMs}`),
      onLost: (backend, message) => told.push(`lost ${backend}: ${message}`),
      onProblem: ({ code, message }) => told.push(`${code}: ${message}`),
      idle: async () => {},
      isSpare: () => true,
      retryMs: RETRY_MS,
      ...change,
    },
    first,
  );
  return { keeper, told };
}
const asked = () => vi.mocked(chooseBackend).mock.calls.map(([{ avoid }]) => avoid);

test("the engine is there once it is chosen, its self-test slowed down as it is", async () => {
  const { keeper, told } = keep(Promise.resolve(chosen("webgpu")));
  expect(keeper.current).toBeNull();
  expect((await keeper.chosen())?.backend).toBe("webgpu");
  expect([keeper.current?.backend, keeper.selfTestMs, told]).toEqual(["webgpu", 8, ["engine webgpu 8"]]);
});

test("where none works, or choosing fails, there is none, and why is told", async () => {
  const none = keep(Promise.resolve(NOTHING));
  expect(await none.keeper.chosen()).toBeNull();
  expect(none.told).toEqual([
    "engine null null",
    "unavailable: no TF.js backend works on this device, the cloud does everything (webgl: no context)",
  ]);
  const failed = keep(Promise.reject(new EddiError("unavailable", "no scripts")));
  expect(await failed.keeper.chosen()).toBeNull();
  expect(failed.told).toEqual(["engine null null", "unavailable: no scripts"]);
});

test("a backend that was asked for and does not work is named, with the one in its place", async () => {
  const tried = [trial("webgpu", "failed", "no GPU adapter"), trial("wasm", "chosen")];
  const settings = { backend: "webgpu", avoid: [], slowdown: 1 } as const;
  const { keeper, told } = keep(Promise.resolve({ backend: "wasm", medianMs: 4, tried }), { settings });
  await keeper.chosen();
  expect(told).toEqual([
    "engine wasm 4",
    "unavailable: backend webgpu: no GPU adapter; wasm takes its place",
  ]);
});

test("an engine that is lost is replaced at once, once, and what it was asked for fails", async () => {
  vi.mocked(chooseBackend).mockResolvedValue(chosen("wasm"));
  const { keeper, told } = keep(Promise.resolve(chosen("webgpu")), { isSpare: () => false });
  const lost = (await keeper.chosen())!;
  devices.at(-1)!("GPU device lost");
  await expect.poll(() => keeper.current).not.toBe(lost);
  keeper.lose(lost, "and again");
  await expect(lost.measure(async () => 1)).rejects.toMatchObject({ message: "GPU device lost" });
  expect((await keeper.chosen())?.backend).toBe("wasm");
  expect(told).toEqual(["engine webgpu 8", "lost webgpu: GPU device lost", "engine wasm 8"]);
  expect(asked()).toEqual([["webgpu"]]);
});

test("what was lost once is tried again when nobody waits, what was lost twice never", async () => {
  vi.mocked(chooseBackend).mockImplementation(async ({ avoid }) =>
    chosen(avoid.includes("webgpu") ? "wasm" : "webgpu"),
  );
  let isSpare = false;
  const { keeper, told } = keep(Promise.resolve(chosen("webgpu")), { isSpare: () => isSpare });
  keeper.lose((await keeper.chosen())!, "reset");
  expect((await keeper.chosen())?.backend).toBe("wasm");
  await new Promise((done) => setTimeout(done, 10 * RETRY_MS));
  expect(asked()).toEqual([["webgpu"]]);
  isSpare = true;
  await expect.poll(() => keeper.current?.backend).toBe("webgpu");
  keeper.lose((await keeper.chosen())!, "reset again");
  expect((await keeper.chosen())?.backend).toBe("wasm");
  await new Promise((done) => setTimeout(done, 10 * RETRY_MS));
  expect(keeper.current?.backend).toBe("wasm");
  expect(asked()).toEqual([["webgpu"], [], ["webgpu"]]);
  expect(told.filter((line) => line.startsWith("lost"))).toEqual([
    "lost webgpu: reset",
    "lost webgpu: reset again",
  ]);
});

test("a new trial that chooses the engine in use leaves it as it is, weights and all", async () => {
  vi.mocked(chooseBackend).mockResolvedValue(chosen("wasm"));
  const { keeper, told } = keep(Promise.resolve(chosen("webgpu")));
  keeper.lose((await keeper.chosen())!, "reset");
  const inUse = await keeper.chosen();
  await expect.poll(() => asked().length).toBe(2);
  expect(await keeper.chosen()).toBe(inUse);
  expect(await inUse!.measure(async () => 1)).toBe(1);
  expect(told.filter((line) => line.startsWith("engine"))).toEqual(["engine webgpu 8", "engine wasm 8"]);
});
