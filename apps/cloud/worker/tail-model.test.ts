import { memory } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { openEngine } from "../../engines/index.ts";
import { loadModels } from "../models/registry.ts";
import { tailTo } from "../protocol/infer.ts";
import { imageBytes, MODELS_DIR } from "../testing/fixture.ts";
import { TailModel } from "./tail-model.ts";

test("beyond its bound of segments a model is opened anew, and loses nothing", async () => {
  const { load } = await openEngine("wasm");
  const { files, model } = (await loadModels(MODELS_DIR)).find("tiny", null);
  const tail = new TailModel(files, load, 2);
  const image = {
    name: "image",
    datatype: "UINT8",
    shape: [1, 32, 32, 3],
    data: imageBytes(1, 3072),
  } as const;
  const run = async (exit: string) => {
    const items = [{ tensors: [image], parameters: {} }];
    const [result] = await tail.run(tailTo(model, ["image"], [exit]), items);
    return "outputs" in result! ? result.outputs[0]!.values : null;
  };
  const first = await run("exit1");
  const { numTensors } = memory();
  for (const exit of ["exit2", "exit3", "exit1", "exit2"]) expect(await run(exit)).toHaveLength(10);
  expect(await run("exit1")).toEqual(first);
  expect(memory().numTensors).toBe(numTensors);
});

test("a batch gives each request what it gets alone; one that is bad fails alone", async () => {
  const { load } = await openEngine("wasm");
  const { files, model } = (await loadModels(MODELS_DIR)).find("tiny", null);
  const tail = new TailModel(files, load);
  const segment = tailTo(model, ["image"], ["exit1", "exit3"]);
  const item = (seed: number, images: number) => {
    const data = imageBytes(seed, images * 3072);
    const shape = [images, 32, 32, 3];
    return { tensors: [{ name: "image", datatype: "UINT8", shape, data } as const], parameters: {} };
  };
  const bits = new Uint8Array(new Float32Array(3072).fill(Number.NaN).buffer);
  const notFinite = {
    tensors: [{ name: "image", datatype: "FP32", shape: [1, 32, 32, 3], data: bits } as const],
    parameters: {},
  };
  const wrongScale = { ...item(5, 1), parameters: { "q.image.scale": "large", "q.image.offset": 0 } };
  const items = [item(1, 1), notFinite, item(2, 3), wrongScale, item(3, 1)];
  const together = await tail.run(segment, items);
  expect(together.map((result) => ("code" in result ? result.code : "ran"))).toEqual([
    "ran",
    "bad-tensor",
    "ran",
    "bad-tensor",
    "ran",
  ]);
  for (const at of [0, 2, 4]) expect(together[at]).toEqual((await tail.run(segment, [items[at]!]))[0]);
  expect(await tail.run(segment, [notFinite])).toEqual([together[1]]);
});

test("scores that are no numbers are the client's fault only where its tensors are huge", async () => {
  const { load } = await openEngine("wasm");
  const { files, model } = (await loadModels(MODELS_DIR)).find("tiny", null);
  const segment = tailTo(model, ["exit3/pool"], ["exit3"]);
  const item = (value: number) => {
    const data = new Uint8Array(new Float32Array(24).fill(value).buffer);
    return {
      tensors: [{ name: "exit3/pool", datatype: "FP32", shape: [1, 24], data } as const],
      parameters: {},
    };
  };
  const codeOf = async (tail: TailModel, value: number) => {
    const [result] = await tail.run(segment, [item(value)]);
    return "code" in result! ? `${result.code}: ${result.message}` : "ran";
  };
  const tail = new TailModel(files, load);
  expect(await codeOf(tail, 1)).toBe("ran");
  expect(await codeOf(tail, 3e38)).toMatch(
    /^bad-tensor: exit3\/scores: expected tensors that lead to finite scores/,
  );
  // An engine whose device is lost.
  const lost = new TailModel(files, () => ({
    addShard: () => {},
    dispose: () => {},
    runValues: async () => [{ shape: [1, 10], values: new Float32Array(10).fill(Number.NaN) }],
  }));
  expect(await codeOf(lost, 1)).toBe(
    "bad-scores: exit3/scores: expected finite scores of the engine, got NaN",
  );
});
