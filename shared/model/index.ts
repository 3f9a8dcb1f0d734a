export { type Ask, edgeNodes, type HeadRun, headRunOf } from "./asks.ts";
export {
  type Catalogue,
  NAME_SIGNS,
  PLAIN_CODECS,
  type PlainCodecName,
  plainName,
  servedAs,
  servedCodecs,
  virtualName,
} from "./catalogue.ts";
export {
  type CodecCost,
  type CodecText,
  codecWords,
  parseCodec,
  sameCodec,
  USUAL_CODEC,
  USUAL_QUALITY,
  type WireCodec,
} from "./codecs.ts";
export { type Conditions, NO_SPREAD, type SimulatedConditions, type Spread } from "./conditions.ts";
export { confidence } from "./confidence.ts";
export { type FittedRate, type FittedTensor, fittedBytes, fittedCoders, fittedWeights } from "./fitted.ts";
export { imageShape, LUMA, luma } from "./image.ts";
export {
  type EarlyExit,
  type Exit,
  type ExitPolicy,
  type ModelInput,
  type ModelMetadata,
  readMetadata,
  type ShardInfo,
  type TensorInfo,
} from "./metadata.ts";
export {
  codersIn,
  elementCount,
  exitById,
  type GraphTopology,
  type Model,
  type ModelNode,
  measuredWorth,
  type OperationCounts,
  readModel,
  type Shard,
  shardsFor,
  type TensorCoders,
  verifyShard,
  type WeightSpec,
} from "./model.ts";
export {
  exitConfidence,
  exitWidth,
  hasClasses,
  OUTPUT_KINDS,
  type OutputKind,
  outputKind,
  probabilitiesOf,
  type Reading,
  readScores,
  topClass,
} from "./output.ts";
export {
  allCloud,
  allEdge,
  type Insurance,
  type Plan,
  type Segment,
  type Split,
  splitPlan,
  tailOf,
} from "./plan.ts";
export { FIRST_WINDOW_BYTES, RESTART_PAUSE_MS, roundTrips, slowStartShare, tripSteps } from "./slow-start.ts";
export { HEADER_BYTES, TRANSPORTS, type Transport } from "./transport.ts";
