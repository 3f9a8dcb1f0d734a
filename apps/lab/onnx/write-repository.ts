import { writeFile } from "node:fs/promises";
import path from "node:path";
import type { Model, Precision } from "#shared/model";
import { exportSegment } from "#shared/onnx";
import { plainTails } from "#shared/profile";
import { makeFolder } from "../files/make-folder.ts";
import { type TritonTensor, tritonConfig } from "./triton-config.ts";

export interface RepositoryOptions {
  readonly maxBatch: number;
  readonly precision: Precision;
  readonly tensorrt: boolean;
}

const DATATYPES = { float32: "FP32", uint8: "UINT8" } as const;

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
  const { tensors } = model.metadata;
  const written: string[] = [];
  for (const { exit, codec, name, segment } of plainTails(model)) {
    const outputs: readonly TritonTensor[] = segment.outputs.map((node) => ({
      name: exit,
      datatype: "FP32",
      dims: tensors[node]!.shape,
    }));
    const inputs = segment.feeds.map(
      (feed): TritonTensor => ({
        name: feed,
        datatype: DATATYPES[codec],
        dims: tensors[feed]!.shape,
      }),
    );
    const file = exportSegment(model, segment, bytesOf, { inputs: codec, precision, outputs: [exit] });
    await makeFolder(path.join(folder, name, "1"));
    await writeFile(path.join(folder, name, "1", "model.onnx"), file);
    const config = tritonConfig({ name, inputs, outputs, maxBatch, tensorrt });
    await writeFile(path.join(folder, name, "config.pbtxt"), config);
    written.push(name);
  }
  return written;
}
