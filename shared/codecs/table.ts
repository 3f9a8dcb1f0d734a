import { EddiError } from "#shared/errors";
import type { Codec, FittedCodec, ImageCodec, TensorCodec } from "./codec.ts";
import { float16 } from "./float16.ts";
import { float32 } from "./float32.ts";
import { jpeg } from "./jpeg.ts";
import { linear } from "./linear.ts";
import { uint4 } from "./uint4.ts";
import { uint8 } from "./uint8.ts";
import { webp } from "./webp.ts";

/** Codecs of any tensor, by the names that plans, addresses and models use. */
const TENSORS = { float32, float16, uint8, uint4 } as const satisfies Record<string, TensorCodec>;
/** Codecs of the image alone, each of a quality. */
const IMAGES = { jpeg, webp } as const satisfies Record<string, ImageCodec>;
/** Codecs of the tensors that they were fitted to, each of a rate. */
const FITTED = { linear } as const satisfies Record<string, FittedCodec>;

export type TensorCodecName = keyof typeof TENSORS;
export type ImageCodecName = keyof typeof IMAGES;
export type FittedCodecName = keyof typeof FITTED;
export type CodecName = TensorCodecName | ImageCodecName | FittedCodecName;

/** Every codec there is. */
const TABLE = { ...TENSORS, ...IMAGES, ...FITTED } satisfies Record<CodecName, Codec>;

export const TENSOR_CODECS = Object.keys(TENSORS) as readonly TensorCodecName[];
export const IMAGE_CODECS = Object.keys(IMAGES) as readonly ImageCodecName[];
export const FITTED_CODECS = Object.keys(FITTED) as readonly FittedCodecName[];
export const CODECS = Object.keys(TABLE) as readonly CodecName[];

/** Names of datatypes that codecs send. */
export type CodecDatatype = (typeof TENSORS)[TensorCodecName]["datatype"]["name"];

export const CODEC_DATATYPES: readonly CodecDatatype[] = [
  ...new Set(TENSOR_CODECS.map((codec) => TENSORS[codec].datatype.name)),
];

/** @throws EddiError `internal` for a name that is none: what comes from outside is checked before */
export function tensorCodec(name: TensorCodecName): TensorCodec<CodecDatatype> {
  if (Object.hasOwn(TENSORS, name)) return TENSORS[name];
  throw unknown(TENSOR_CODECS, name);
}

/** @throws as `tensorCodec` */
export function imageCodec(name: ImageCodecName): ImageCodec {
  if (Object.hasOwn(IMAGES, name)) return IMAGES[name];
  throw unknown(IMAGE_CODECS, name);
}

/** @throws as `tensorCodec` */
export function anyCodec(name: CodecName): Codec {
  if (Object.hasOwn(TABLE, name)) return TABLE[name];
  throw unknown(CODECS, name);
}

export function isImageCodec(name: CodecName): name is ImageCodecName {
  return anyCodec(name).carries === "images";
}

export function isFittedCodec(name: CodecName): name is FittedCodecName {
  return anyCodec(name).carries === "fitted";
}

/** Bytes of one image's values under a codec of tensors, without what stands beside them. */
export function codedBytes(codec: TensorCodecName, elements: number): number {
  return Math.ceil((tensorCodec(codec).bits * elements) / 8);
}

const unknown = (known: readonly string[], came: string): EddiError =>
  new EddiError("internal", `codec: expected one of ${known.join(", ")}, got ${came}`);
