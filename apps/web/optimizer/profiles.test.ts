import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { EddiError } from "#shared/errors";
import { readModel } from "#shared/model";
import { fitRegression, type Profile, USUAL_TRANSFERS } from "#shared/profile";
import { firstEdgeScale, headProfile, profiledHead, tailProfile } from "./profiles.ts";

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
  expect(profiledHead(model, whole, { profile: measured, from: "x" }).from).toBe("this device");
});

test("tails are profiled by the service's engine; while it has none nothing is known", async () => {
  const tail = { ...measured, role: "tail" };
  // Of onnxruntime there are no profiles yet.
  for (const backend of ["native", "onnxruntime"]) {
    const service = serve({ "/v2/models/tiny": { parameters: { backend } }, "tail-native.json": tail });
    expect((await tailProfile(model, service.fetchJson)).from, backend).toBe("tail-native.json");
  }
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
