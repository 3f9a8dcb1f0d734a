export type { LoadedModel, Running } from "./engine.ts";
export { setTensorFlowDefaults } from "./environment.ts";
export { type NativePackage, requireNative } from "./native.ts";
export {
  ENGINE_CHOICES,
  type EngineChoice,
  type EngineInfo,
  mayUseGpu,
  type OpenedEngine,
  openEngine,
  openFirst,
  precisionOn,
} from "./open.ts";
export { PRECISION_CHOICES, type PrecisionChoice } from "./precision.ts";
export { hasInstructions } from "./processor.ts";
export {
  ENGINE_BACKENDS,
  ENGINES,
  type EngineBackend,
  type EngineName,
  engineOf,
  enginesOf,
  TFJS_BACKENDS,
} from "./table.ts";
export { processorName } from "./tfjs.ts";
