import { writeFile } from "node:fs/promises";
import path from "node:path";
import type { Model } from "#shared/model";
import { exportSegment, type Precision } from "#shared/onnx";
import { winningPlan } from "#shared/profile";
import { makeFolder } from "../files/make-folder.ts";
import { type TritonTensor, tritonConfig } from "./triton-config.ts";

export interface RepositoryOptions {
  readonly maxBatch: number;
  readonly precision: Precision;
  readonly tensorrt: boolean;
}

/** How the tensors of a cut may come, and what is added to the model's name for it. */
const INPUTS = [
  { type: "float32", datatype: "FP32", suffix: "" },
  { type: "uint8", datatype: "UINT8", suffix: "~uint8" },
] as const;

/**
 * Writes a model repository of Triton: for each cut that can be best one model whose inputs are float32, named as our
 * service names that tail, and one whose inputs are what the codec uint8 sends.
 *
 * @param bytesOf a shard's bytes by its path
 * @returns the names of the models
 * @throws EddiError `bad-model` naming an operation that cannot be exported; models before it are written
 */
export async function writeRepository(
  model: Model,
  bytesOf: (path: string) => Uint8Array | undefined,
  folder: string,
  { maxBatch, precision, tensorrt }: RepositoryOptions,
): Promise<readonly string[]> {
  const { id, tensors } = model.metadata;
  const written: string[] = [];
  for (const { exit, at, segment } of winningPlan(model, "tail")) {
    // At the exit itself nothing is left to do.
    if (segment.nodes.length === 0) continue;
    const outputs: readonly TritonTensor[] = segment.outputs.map((node) => ({
      name: exit,
      datatype: "FP32",
      dims: tensors[node]!.shape,
    }));
    for (const { type, datatype, suffix } of INPUTS) {
      const name = `${id}~${exit}~${at.replaceAll("/", ":")}${suffix}`;
      const inputs = segment.feeds.map(
        (feed): TritonTensor => ({
          name: feed,
          datatype,
          dims: tensors[feed]!.shape,
        }),
      );
      const file = exportSegment(model, segment, bytesOf, { inputs: type, precision, outputs: [exit] });
      await makeFolder(path.join(folder, name, "1"));
      await writeFile(path.join(folder, name, "1", "model.onnx"), file);
      const config = tritonConfig({ name, inputs, outputs, maxBatch, tensorrt });
      await writeFile(path.join(folder, name, "config.pbtxt"), config);
      written.push(name);
    }
  }
  return written;
}
