export { exportSegment } from "#shared/tflite";
export { LiteRtModel } from "./litert-model.ts";
export { openRuntime } from "./runtime.ts";
export { openSession } from "./session.ts";
