import type { TensorInfo } from "#shared/model";
import { type Codec, decodeTensor, encodeTensor } from "./codec.ts";
import { encodeRequest } from "./frame.ts";

/** What is timed to know the cost of a codec. */
export interface CodecJob {
  /** Encodes one tensor, and puts it into a request. */
  encode(): void;
  /** Checks and decodes it. */
  decode(): void;
}

/** Encoding and decoding of one tensor of so many values that look like a feature map's. */
export function codecJob(codec: Codec, elements: number): CodecJob {
  const values = new Float32Array(elements);
  for (let i = 0; i < elements; i++) values[i] = (i % 255) / 255;
  const expected: TensorInfo = { shape: [elements], dtype: "float32", range: [0, 1] };
  const encode = () => encodeTensor("stage/block/tensor", [1, elements], values, codec);
  const { tensor, parameters } = encode();
  return {
    encode: () => {
      const encoded = encode();
      const inputs = [encoded.tensor];
      encodeRequest({
        parameters: { exit: "exit", ...encoded.parameters },
        inputs,
        outputs: [],
        binaryOutputs: true,
      });
    },
    decode: () => {
      decodeTensor(tensor, expected, parameters);
    },
  };
}
