import { readFileSync } from "node:fs";
import { expect, test, vi } from "vitest";
import { EddiError } from "#shared/errors";
import { readModel } from "#shared/model";
import { fitRegression, type Profile, USUAL_TRANSFERS } from "#shared/profile";
import { firstEdgeScale, headProfile, plainTailProfile, profiledHead, tailProfile } from "./profiles.ts";

const model = readModel(readFileSync("models/tiny/model.json"));
const measured: Profile = {
  format: 2,
  model: "tiny",
  version: "0",
  role: "head",
  device: "a test",
  backend: "wasm",
  fixedMs: 1,
  selfTestMs: 4,
  nodeMs: Object.fromEntries(model.dag.names.map((name) => [name, 1])),
  transfer: USUAL_TRANSFERS.head,
  samples: [],
};

/** Serves these files and answers everything else with a 404. */
function serve(files: Readonly<Record<string, unknown>>) {
  const asked: string[] = [];
  const fetchJson = async (url: string): Promise<unknown> => {
    asked.push(url);
    const file = Object.entries(files).find(([end]) => url.endsWith(end))?.[1];
    if (file === undefined) throw new EddiError("not-found", url);
    return file;
  };
  return { asked, fetchJson };
}

const regression = fitRegression([{ model, profile: measured }]);

test("a profile of the backend is taken from whatever device, corrected by the self-test", async () => {
  const { asked, fetchJson } = serve({ "head-webgpu.json": { ...measured, backend: "webgpu" } });
  const found = await headProfile(model, "webgpu", 12, fetchJson);
  expect(asked).toHaveLength(1);
  expect(found.from).toBe("head-webgpu.json");
  expect(firstEdgeScale(found, 12)).toBe(3);
});

test("a backend that was never profiled takes the regression, of another backend if need be", async () => {
  const { fetchJson } = serve({ "head-wasm.json": measured, "regression.json": regression });
  const found = await headProfile(model, "webgpu", 12, fetchJson);
  expect(found.from).toBe("regression (wasm)");
  expect(found.profile.backend).toBe("webgpu");
  expect(firstEdgeScale(found, 12)).toBe(1);
  const sum = Object.values(found.profile.nodeMs).reduce((a, b) => a + b);
  // Every node takes 1 ms where the self-test takes 4: about 3 here.
  expect(sum / (model.dag.names.length - 1)).toBeGreaterThan(2);
  expect(sum / (model.dag.names.length - 1)).toBeLessThan(4);
});

test("without any file times follow roughly from work and self-test", async () => {
  const { fetchJson } = serve({});
  const [fast, slow] = await Promise.all([5, 50].map((ms) => headProfile(model, "wasm", ms, fetchJson)));
  expect(fast!.from).toBe("rough estimate");
  const name = model.dag.names.at(-1)!;
  expect(slow!.profile.nodeMs[name]! / fast!.profile.nodeMs[name]!).toBeCloseTo(10);
  expect(firstEdgeScale(slow!, 50)).toBe(1);
});

test("a profile of another model, with nodes missing or of an old format is not used, nor a bad regression", async () => {
  for (const bad of [
    { ...measured, model: "other" },
    { ...measured, nodeMs: {} },
    { ...measured, format: 1 },
  ]) {
    const { fetchJson } = serve({ "head-wasm.json": bad, "regression.json": { format: 0 } });
    expect((await headProfile(model, "wasm", 5, fetchJson)).from).toBe("rough estimate");
  }
});

test("what this device has measured goes first, and says how the rest is to be scaled", () => {
  const [, first, second, ...others] = model.dag.names;
  const own = { ...measured, selfTestMs: 9, fixedMs: 0.5, nodeMs: { [first!]: 2, [second!]: 4 } };
  const { profile, from } = profiledHead(model, own, { profile: measured, from: "head-wasm.json" });
  expect(from).toBe("this device (2 nodes) and head-wasm.json");
  expect([profile.nodeMs[first!], profile.nodeMs[second!], profile.fixedMs]).toEqual([2, 4, 0.5]);
  for (const name of others) expect(profile.nodeMs[name], name).toBe(3);
  const whole = { ...own, nodeMs: measured.nodeMs };
  // A learned codec's encoder takes longer here as the measured nodes do.
  const learned = { profile: { ...measured, detourMs: { [first!]: 0.5 } }, from: "x" };
  expect(profiledHead(model, own, learned).profile.detourMs).toEqual({ [first!]: 1.5 });
  expect("detourMs" in profile).toBe(false);
  expect(profiledHead(model, whole, { profile: measured, from: "x" }).from).toBe("this device");
});

test("tails are profiled by the service's engine and precision; while it has none nothing is known", async () => {
  const tail = { ...measured, role: "tail" };
  const native = { "tail-native.json": { ...tail, backend: "native" } };
  const fp32 = { "tail-onnxruntime.json": { ...tail, backend: "onnxruntime" } };
  const int8 = { "tail-onnxruntime-int8.json": { ...tail, backend: "onnxruntime", precision: "int8" } };
  const foundOf = async (parameters: object, files: Readonly<Record<string, unknown>>) => {
    const service = serve({ "/v2/models/tiny": { parameters }, ...files });
    return (await tailProfile(model, service.fetchJson)).from;
  };
  const all = { ...native, ...fp32, ...int8 };
  expect(await foundOf({ backend: "native", precision: "fp32" }, all)).toBe("tail-native.json");
  const onnx = (precision?: string) => ({ backend: "onnxruntime", precision });
  expect(await foundOf(onnx("fp32"), all)).toBe("tail-onnxruntime.json");
  expect(await foundOf(onnx("int8"), all)).toBe("tail-onnxruntime-int8.json");
  // One from before it told of it; and one that has something newer.
  for (const precision of [undefined, "int4"])
    expect(await foundOf(onnx(precision), all)).toBe("tail-onnxruntime.json");
  // Where it was not profiled, what is nearest.
  expect(await foundOf(onnx("int8"), { ...native, ...fp32 })).toBe("tail-onnxruntime.json");
  expect(await foundOf(onnx("int8"), native)).toBe("tail-native.json");
  expect(await foundOf(onnx("int8"), {})).toBe("analytic");
  expect(await foundOf({ backend: "wasm" }, native)).toBe("analytic");

  // One from before there were fitted codecs says nothing of them.
  for (const [fitted_codecs, mayFit] of [
    ["linear", true],
    ["linear,later", true],
    ["", false],
    [undefined, false],
    [7, false],
  ] as const) {
    const told = serve({ "/v2/models/tiny": { parameters: { backend: "native", fitted_codecs } } });
    expect((await tailProfile(model, told.fetchJson)).mayFit, `${fitted_codecs}`).toBe(mayFit);
  }
  const starting = serve({ "/v2/models/tiny": { parameters: { backend: null } } });
  await expect(tailProfile(model, starting.fetchJson)).rejects.toMatchObject({ code: "unavailable" });
});

test("a server that tells no engine is planned for as ONNX Runtime", async () => {
  const catalogue = { tails: {}, isBinary: true };
  const { fetchJson } = serve({
    "tail-onnxruntime.json": { ...measured, role: "tail", backend: "onnxruntime" },
  });
  const found = await plainTailProfile(model, catalogue, fetchJson);
  expect([found.from, found.catalogue]).toEqual(["tail-onnxruntime.json", catalogue]);
});

test("a profile of tails that is not what its name says is told, and not used", async () => {
  const told = vi.spyOn(console, "warn").mockReturnValue();
  const tail = { ...measured, role: "tail", backend: "onnxruntime" };
  const name = "tail-onnxruntime-int8.json";
  for (const [bad, message] of [
    [tail, `${name}: expected a profile of tails of tiny by that name, got tail-onnxruntime.json of tiny`],
    [
      { ...tail, precision: "int8", nodeMs: {} },
      `${name}: expected a profile of tails of tiny by that name, got ${name} of tiny, with nodes missing`,
    ],
    [{ ...tail, precision: "int4" }, 'profile, precision: expected fp32 or int8, got "int4"'],
  ] as const) {
    told.mockClear();
    const parameters = { backend: "onnxruntime", precision: "int8" };
    const { fetchJson } = serve({ "/v2/models/tiny": { parameters }, [name]: bad });
    expect((await tailProfile(model, fetchJson)).from).toBe("analytic");
    expect(told.mock.calls).toEqual([[message]]);
  }
  told.mockRestore();
});
