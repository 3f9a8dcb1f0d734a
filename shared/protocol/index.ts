export {
  type DecodedTensor,
  decodeTensor,
  type EncodedTensor,
  encodeFitted,
  encodeImage,
  encodePlainTensor,
  encodeTensor,
} from "./codec.ts";
export { type CodecJob, codecJob, deflateSample, imageSample } from "./codec-job.ts";
export { bytesPerElement } from "./datatype.ts";
export { joinElements, splitElements } from "./elements.ts";
export {
  decodeRequest,
  decodeResponse,
  encodePlainRequest,
  encodeRequest,
  encodeResponse,
  FRAME_LIMITS,
  type Frame,
  type FrameLimits,
  HEADER_LENGTH,
  type InferRequest,
  type InferResponse,
  type Parameter,
  type Parameters,
  type RequestedOutput,
  type WireTensor,
} from "./frame.ts";
export {
  callId,
  decodeCall,
  encodeCall,
  MAX_ENVELOPE_BYTES,
  type StreamCall,
  type StreamEncoding,
} from "./stream-call.ts";
export { STREAM_KEY, STREAM_PATH, STREAM_PROTOCOL } from "./stream-envelope.ts";
export { decodeReply, encodeReply, type StreamReply } from "./stream-reply.ts";
export { formatServerTiming, parseServerTiming, type ServerTimes } from "./timing.ts";
