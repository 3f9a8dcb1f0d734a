export { canReplay } from "./replay/webgpu-backend.ts";
export { ReplayingModel } from "./replaying-model.ts";
export { SegmentModel, type SegmentRunner, type TensorValues } from "./segment-model.ts";
export { type SelfTest, selfTest } from "./self-test.ts";
export { type Clock, timeInside, timeReadBack, timeUpload, timeWhole } from "./timings.ts";
