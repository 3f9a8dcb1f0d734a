export { Link, type LinkSample } from "./link.ts";
export { conditionsOf, FIRST_GUESS, type NetworkState, observe, startNetwork } from "./network.ts";
export type { Observation, QueueReport, ScaleSample, Silence, Transfer } from "./observation.ts";
export { forgiven } from "./surprise.ts";
