export { type Ask, edgeNodes, everyEdgeNode, type HeadRun, headRunOf, type WayOn, waysOn } from "./asks.ts";
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
export { calibrated, confidence } from "./confidence.ts";
export { type Detour, detoursOf } from "./detours.ts";
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
  everyNode,
  exitById,
  type GraphTopology,
  type Model,
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
export { inParts, partsOf } from "./parts.ts";
export {
  allCloud,
  allEdge,
  type Insurance,
  type Plan,
  type Split,
  splitPlan,
  tailOf,
} from "./plan.ts";
export { PRECISIONS, type Precision } from "./precision.ts";
export type { ModelNode, Segment } from "./segment.ts";
export { FIRST_WINDOW_BYTES, RESTART_PAUSE_MS, roundTrips, slowStartShare, tripSteps } from "./slow-start.ts";
export { HEADER_BYTES, TRANSPORTS, type Transport } from "./transport.ts";
