export type {
  Codec,
  CodecTime,
  Decoding,
  DecodingParameters,
  FittedCodec,
  ImageCodec,
  Range,
  TensorCodec,
} from "./codec.ts";
export type { Datatype, JsonNumbers } from "./datatype.ts";
export { fromFloat16, toFloat16 } from "./float16.ts";
export {
  blockPlaces,
  type LinearCoder,
  type LinearRate,
  type LinearTransform,
  linearCoder,
} from "./linear.ts";
export { type SymbolTable, symbolTable, TOTAL } from "./range-coder.ts";
export {
  anyCodec,
  CODEC_DATATYPES,
  CODECS,
  type CodecDatatype,
  type CodecName,
  codedBytes,
  FITTED_CODECS,
  type FittedCodecName,
  IMAGE_CODECS,
  type ImageCodecName,
  imageCodec,
  isFittedCodec,
  isImageCodec,
  TENSOR_CODECS,
  type TensorCodecName,
  tensorCodec,
} from "./table.ts";
