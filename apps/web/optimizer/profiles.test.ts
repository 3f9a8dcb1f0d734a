import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { EddiError } from "#shared/errors";
import type { Profile } from "#shared/evaluator";
import { readModel } from "#shared/model";
import { firstEdgeScale, headProfile, tailProfile } from "./profiles.ts";

const model = readModel(readFileSync("models/tiny/model.json"));
const measured: Profile = {
  format: 1,
  model: "tiny",
  version: "0",
  role: "head",
  device: "a test",
  backend: "wasm",
  fixedMs: 1,
  selfTestMs: 4,
  nodeMs: Object.fromEntries(model.dag.names.map((name) => [name, 1])),
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

test("a backend without a profile of its own takes WASM's, corrected by the self-test", async () => {
  const { asked, fetchJson } = serve({ "head-wasm.json": measured });
  const found = await headProfile(model, "webgpu", 12, fetchJson);
  expect(asked.map((url) => url.split("/").at(-1))).toEqual(["head-webgpu.json", "head-wasm.json"]);
  expect(found.from).toBe("head-wasm.json");
  expect(firstEdgeScale(found, 12)).toBe(3);
});

test("without any file times follow from the work of each node and the self-test", async () => {
  const { fetchJson } = serve({});
  const [fast, slow] = await Promise.all([5, 50].map((ms) => headProfile(model, "wasm", ms, fetchJson)));
  expect(fast!.from).toBe("analytic");
  const name = model.dag.names.at(-1)!;
  expect(slow!.profile.nodeMs[name]! / fast!.profile.nodeMs[name]!).toBeCloseTo(10);
  expect(firstEdgeScale(slow!, 50)).toBe(1);
});

test("a profile of another model or with nodes missing is not used", async () => {
  for (const bad of [
    { ...measured, model: "other" },
    { ...measured, nodeMs: {} },
  ]) {
    const { fetchJson } = serve({ "head-wasm.json": bad });
    expect((await headProfile(model, "wasm", 5, fetchJson)).from).toBe("analytic");
  }
});

test("tails are profiled by the service's engine; while it has none nothing is known", async () => {
  const tail = { ...measured, role: "tail" };
  const native = serve({ "/v2/models/tiny": { parameters: { engine: "native" } }, "tail-native.json": tail });
  expect((await tailProfile(model, native.fetchJson)).from).toBe("tail-native.json");
  const starting = serve({ "/v2/models/tiny": { parameters: { engine: null } } });
  await expect(tailProfile(model, starting.fetchJson)).rejects.toMatchObject({ code: "unavailable" });
});
