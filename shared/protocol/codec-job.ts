import type { TensorCodecName } from "#shared/codecs";
import type { TensorInfo } from "#shared/model";
import { randomFrom } from "#shared/random";
import { decodeTensor, encodeTensor } from "./codec.ts";
import { encodeRequest } from "./frame.ts";

/** Every job of a size has the same numbers. */
const SEED = 1;

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
  const random = randomFrom(SEED);
  return Uint8Array.from({ length: side * side * channels }, (_, at) => {
    const [x, y] = [Math.floor(at / channels) % side, Math.floor(at / channels / side)];
    const wave = Math.sin((7 * x) / side + (at % channels)) * Math.cos((11 * y) / side);
    return 128 + 90 * wave + 30 * (random() - 0.5);
  });
}

/** Made last, for those who want the same: to make it takes longer than many a job. */
let made = new WeakRef(new Float32Array(0));

/** Half of them 0, as behind a ReLU; the others mostly small. Read only. */
function featureMap(elements: number): Float32Array {
  const known = made.deref();
  // Shorter ones are the beginning of longer ones.
  if (known !== undefined && known.length >= elements) return known.subarray(0, elements);
  const random = randomFrom(SEED);
  const values = Float32Array.from({ length: elements }, () => Math.max(0, 2 * random() - 1) ** 2);
  made = new WeakRef(values);
  return values;
}
