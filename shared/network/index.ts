export { conditionsOf, FIRST_GUESS, type NetworkState, observe, startNetwork } from "./network.ts";
export type { Observation, Probe, QueueReport, ScaleSample, Transfer } from "./observation.ts";
