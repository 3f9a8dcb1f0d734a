import type { TensorCodecName } from "#shared/codecs";
import type { TensorInfo } from "#shared/model";
import { decodeTensor, encodeTensor } from "./codec.ts";
import { encodeRequest } from "./frame.ts";

/** What is timed to know the cost of a codec. */
export interface CodecJob {
  /** Encodes one tensor, and puts it into a request. */
  encode(): void;
  /** Checks and decodes it. */
  decode(): void;
}

/** Encoding and decoding of one tensor of so many values that look like a feature map's. */
export function codecJob(codec: TensorCodecName, elements: number): CodecJob {
  const values = featureMap(elements);
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

/** So many bytes to be deflated: a feature map of 8 bits a value, as compressible as they usually are. */
export function deflateSample(bytes: number): Uint8Array {
  return encodeTensor("a", [1, bytes], featureMap(bytes), "uint8").tensor.data;
}

/** A square of pixels, 0..255, interleaved: as much detail as a photo has. @returns [side, side, channels] */
export function imageSample(side: number, channels: number): Uint8Array {
  const random = uniform();
  return Uint8Array.from({ length: side * side * channels }, (_, at) => {
    const [x, y] = [Math.floor(at / channels) % side, Math.floor(at / channels / side)];
    const wave = Math.sin((7 * x) / side + (at % channels)) * Math.cos((11 * y) / side);
    return 128 + 90 * wave + 30 * (random() - 0.5);
  });
}

/** Half of them 0, as behind a ReLU; the others mostly small. */
function featureMap(elements: number): Float32Array {
  const random = uniform();
  return Float32Array.from({ length: elements }, () => Math.max(0, 2 * random() - 1) ** 2);
}

/** Always the same numbers of 0..1: a linear congruential generator (Numerical Recipes). */
function uniform(): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
