import { EddiError } from "#shared/errors";
import { elementCount } from "#shared/model";
import { bytesPerElement, type InferRequest } from "#shared/protocol";
import type { NamedModel } from "../models/named-model.ts";

/**
 * Reads a body without a JSON part (`Inference-Header-Content-Length: 0`): the values of the model's only input,
 * FP32, for as many images as there are bytes for. All outputs come back in binary.
 *
 * @throws EddiError `bad-tensor` when the model has several inputs, or the bytes are not those of whole images
 */
export function readRaw({ name, inputs }: NamedModel, body: Uint8Array): InferRequest {
  const [input, ...others] = inputs;
  if (input === undefined || others.length > 0) {
    const message = `${name}: expected a JSON part that names its ${inputs.length} inputs, got none`;
    throw new EddiError("bad-tensor", message);
  }
  const each = elementCount(input.shape) * bytesPerElement("FP32")!;
  const images = body.byteLength / each;
  if (!Number.isInteger(images) || images === 0) {
    const expected = `${input.name}: expected ${each} bytes of FP32 [${input.shape}] for each image`;
    throw new EddiError("bad-tensor", `${expected}, got ${body.byteLength}`);
  }
  const shape = [images, ...input.shape];
  return {
    parameters: {},
    inputs: [{ name: input.name, datatype: "FP32", shape, data: body }],
    outputs: [],
    binaryOutputs: true,
  };
}
