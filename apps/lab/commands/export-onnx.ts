import { PRECISIONS, verifyShard } from "#shared/model";
import { readModelFolder, readShard } from "../files/model-folder.ts";
import { writeRepository } from "../onnx/write-repository.ts";
import { command } from "./command.ts";
import { flag, oneOf, required, text, whole } from "./option.ts";
import { makeOutFolder, modelArgument } from "./shared-options.ts";

export const exportOnnxCommand = command({
  name: "export-onnx",
  about: `Writes the tails of a model as ONNX into a model repository of NVIDIA's Triton: for every cut that can be best
one model with float32 inputs and one with those of the codec uint8, each with its config.pbtxt. Clients take a server of them as their cloud: { url, kind: "oip" }.`,
  argument: modelArgument,
  options: {
    repository: required(text("DIR", "the repository; models of the same names are replaced")),
    "max-batch": whole("images that may run together", 1, 32),
    precision: oneOf("P", PRECISIONS, "fp32, or int8: weights and activations", "fp32"),
    tensorrt: flag("Triton compiles them with TensorRT, which takes it minutes at the start"),
  },
  run: async ({ argument: { folder }, options }) => {
    const { repository, precision, tensorrt, "max-batch": maxBatch } = options;
    const model = await readModelFolder(folder);
    await makeOutFolder(repository, "--repository");
    const shards = new Map<string, Uint8Array>();
    for (const shard of model.shards) {
      const bytes = await readShard(folder, shard);
      verifyShard(shard, bytes);
      shards.set(shard.path, bytes);
    }
    const settings = { maxBatch, precision, tensorrt };
    const written = await writeRepository(model, (name) => shards.get(name), repository, settings);
    process.stdout.write(`${written.join("\n")}\n${written.length} models in ${repository}\n`);
  },
});
