import type { Datatype } from "./datatype.ts";

/** A way to send any tensor: so many bits for every value. What all of these keep is `codecs.test.ts`. */
export interface TensorCodec<Name extends string = string> {
  readonly carries: "tensors";
  /**
   * Of a value on the wire; with the datatype they tell which codec a tensor came by. Where they are not those of an
   * element, the values of each image are packed into a row of whole elements.
   */
  readonly bits: number;
  /** The Open Inference datatype of its elements. */
  readonly datatype: Datatype<Name>;
  /** Whether values come back as they were, bit by bit. */
  readonly isExact: boolean;
  /** The most that one of the values may be off by when it comes back. */
  readonly mostOff: (value: number, range: Range) => number;
  /** @returns null when it cannot hold these values */
  readonly encode: (values: Values) => Encoded | null;
  /** The values of a batch, float32 [batch, count]: a copy. The data has the length that `bits` say. */
  readonly decode: (data: Uint8Array, of: Decoding) => Float32Array;
  readonly usual: UsualTimes;
}

/** A way to send the image alone: as a file, which whoever runs the codec writes and reads. */
export interface ImageCodec {
  readonly carries: "images";
  readonly isExact: boolean;
  readonly mediaType: `image/${string}`;
  /** How its files begin, a character for each byte. */
  readonly beginning: RegExp;
  readonly usual: UsualTimes;
}

/** A way to send one tensor of one model, which was fitted to it: `lab fit-codec` writes with what numbers. */
export interface FittedCodec {
  readonly carries: "fitted";
  readonly isExact: boolean;
  /** Here an element is a multiplication: as many as the tensor's values times the components kept. */
  readonly usual: UsualTimes;
}

export type Codec = TensorCodec | ImageCodec | FittedCodec;

/** The least and the greatest value. */
export type Range = readonly [low: number, high: number];

/** Of one image's tensor. */
export interface Values {
  /** float32, row-major, finite. */
  readonly values: Float32Array;
  readonly range: Range;
}

export interface Encoded {
  readonly data: Uint8Array;
  /** What the decoder has to know beside the data; on the wire `q.<tensor>.<name>`. */
  readonly parameters: Readonly<Record<string, number>>;
}

export interface Decoding {
  /** Images. */
  readonly batch: number;
  /** Values of one image. */
  readonly count: number;
  /** The tensor's range in the metadata, for data without parameters. */
  readonly range: Range;
  readonly parameters: DecodingParameters;
}

/** What stands beside the data. */
export interface DecodingParameters {
  readonly has: (name: string) => boolean;
  /** @throws EddiError `bad-tensor` when it is not there, or no number of less than 1e30 */
  readonly numberOf: (name: string) => number;
}

/**
 * Before anything was measured: on WASM, in Node 20 with sharp, on one core of an EPYC. Of an image codec that nobody
 * has timed yet, those of a known one are a fair guess.
 */
export interface UsualTimes {
  readonly encode: CodecTime;
  readonly decode: CodecTime;
}

export interface CodecTime {
  readonly perTensorMs: number;
  readonly perElementMs: number;
}
