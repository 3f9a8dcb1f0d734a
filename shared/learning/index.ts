export { type CloudState, CloudWatch } from "./cloud-watch.ts";
export { type Drift, drifted, NO_DRIFT, witnessed } from "./drift.ts";
export { type ImageTimes, imageTimes, withImage } from "./image-times.ts";
export { beside, learn, relax } from "./learning.ts";
export type { CloudLost, CloudMeasured, HeadMeasured, Measured, Served, WayTaken } from "./measured.ts";
export {
  nextProbe,
  PROBE_HEADER_BYTES,
  PROBE_TICK_MS,
  PROBE_TIMEOUT_MS,
  type Probe,
  type ProbeState,
  probeBytes,
  tellsUplink,
  UPLINK_ALLOWANCE,
} from "./probe-policy.ts";
