import { beforeAll, expect, test } from "vitest";
import { openBackend } from "../engine/backend.ts";
import { classifier, floats, graphFiles, type ModelFiles, quantised, type TinyJson } from "./fixture.ts";
import { readModelFile, readWeights, toConstant } from "./model-file.ts";
import type { ModelSource } from "./source.ts";

beforeAll(() => openBackend("wasm"));

function sourceOf(files: ModelFiles): ModelSource {
  const bytes = (name: string): Uint8Array => {
    const content = files[name]!;
    return typeof content === "string" ? new TextEncoder().encode(content) : content;
  };
  return {
    origin: "test",
    description: bytes("model.json"),
    shard: async (name) => bytes(name),
    license: async () => null,
  };
}
const read = async (files: ModelFiles) => {
  const source = sourceOf(files);
  return readWeights(source, readModelFile(source));
};
const changed = (change: (json: TinyJson) => void): ModelFiles => graphFiles(classifier(), change);

test("weights come out as they went in, quantised ones with their bytes and as TF.js reads them", async () => {
  const half = quantised(floats("half", [2, 3]));
  const model = classifier();
  const weights = await read(graphFiles({ ...model, constants: [half, ...model.constants] }));
  const constants = weights.map(toConstant);
  expect(constants[0]).toEqual(half);
  expect(constants.slice(1)).toEqual(model.constants);
});

test("a group's weights may lie in several files, cut anywhere", async () => {
  const whole = graphFiles(classifier());
  const bytes = whole["all.bin"] as Uint8Array;
  const files = {
    ...changed((json) => (json.weightsManifest[0]!.paths = ["one.bin", "two.bin"])),
    "one.bin": bytes.slice(0, 101),
    "two.bin": bytes.slice(101),
  };
  expect(await read(files)).toEqual(await read(whole));
});

test("weights shorter or longer than the manifest says are refused", async () => {
  const files = graphFiles(classifier());
  const bytes = files["all.bin"] as Uint8Array;
  for (const wrong of [bytes.slice(1), Uint8Array.from([...bytes, 0]), new Uint8Array(0)]) {
    await expect(read({ ...files, "all.bin": wrong })).rejects.toThrow(
      `all.bin: expected ${bytes.length} bytes, got ${wrong.length}`,
    );
  }
});

test.each<[string, (json: TinyJson) => void, RegExp]>([
  [
    "dtype",
    (json) => (json.weightsManifest[0]!.weights[0]!.dtype = "string"),
    /weight a\/w: expected dtype float32, int32, bool, got string/,
  ],
  [
    "quantization",
    (json) => Object.assign(json.weightsManifest[0]!.weights[0]!, { quantization: { dtype: "int4" } }),
    /weight a\/w: expected dtype .*float16.*, got int4/,
  ],
  [
    "shape",
    (json) => (json.weightsManifest[0]!.weights[0]!.shape = [3, -1]),
    /weight a\/w: expected a name and a shape, got \[3,-1\]/,
  ],
  [
    "paths",
    (json) => Object.assign(json.weightsManifest[0]!, { paths: "all.bin" }),
    /weightsManifest\[0\]: expected paths and weights/,
  ],
  [
    "manifest",
    (json) => Object.assign(json, { weightsManifest: null }),
    /test: expected a weightsManifest, got none/,
  ],
  [
    "topology",
    (json) => Object.assign(json, { format: "saved-model", modelTopology: {} }),
    /expected a TF.js graph-model or layers-model, got format saved-model/,
  ],
])("a bad %s is refused by name", async (_, change, message) => {
  await expect(async () => read(changed(change))).rejects.toThrow(message);
});

test("what is no JSON is shown", async () => {
  const refused = (text: string) => expect(async () => read({ "model.json": text })).rejects;
  await refused("<!DOCTYPE html>\n<p>").toThrow('test: expected JSON, got "<!DOCTYPE html> <p>"…');
  await refused("[]").toThrow("test: expected a JSON object");
});
