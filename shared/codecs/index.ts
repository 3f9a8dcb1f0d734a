export type {
  Codec,
  CodecTime,
  Decoding,
  DecodingParameters,
  ImageCodec,
  Range,
  TensorCodec,
} from "./codec.ts";
export type { Datatype, JsonNumbers } from "./datatype.ts";
export { fromFloat16, toFloat16 } from "./float16.ts";
export {
  anyCodec,
  CODEC_DATATYPES,
  CODECS,
  type CodecDatatype,
  type CodecName,
  codedBytes,
  IMAGE_CODECS,
  type ImageCodecName,
  imageCodec,
  isImageCodec,
  TENSOR_CODECS,
  type TensorCodecName,
  tensorCodec,
} from "./table.ts";
