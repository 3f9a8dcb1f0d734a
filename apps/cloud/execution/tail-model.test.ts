import "@tensorflow/tfjs-backend-wasm";
import { memory, setBackend } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { imageBytes, MODELS_DIR } from "../fixture.ts";
import { loadModels } from "../models/registry.ts";
import { tailTo } from "../protocol/infer.ts";
import { TailModel } from "./tail-model.ts";

test("beyond its bound of segments a model is opened anew, and loses nothing", async () => {
  await setBackend("wasm");
  const { files, model } = (await loadModels(MODELS_DIR)).find("tiny", null);
  const tail = new TailModel(files, 2);
  const image = {
    name: "image",
    datatype: "UINT8",
    shape: [1, 32, 32, 3],
    data: imageBytes(1, 3072),
  } as const;
  const run = async (exit: string) =>
    (await tail.run(tailTo(model, ["image"], [exit]), [image], {}))[0]!.values;
  const first = await run("exit1");
  const { numTensors } = memory();
  for (const exit of ["exit2", "exit3", "exit1", "exit2"]) expect(await run(exit)).toHaveLength(10);
  expect(await run("exit1")).toEqual(first);
  expect(memory().numTensors).toBe(numTensors);
});
