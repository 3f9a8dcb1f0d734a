export { type Contraction, type ContractOptions, contract, expandHead, type Measure } from "./contract.ts";
export { type Codec, type CostOptions, type ExitCosts, exitCosts } from "./exit-costs.ts";
export { profileFromSamples } from "./fit-profile.ts";
export { headMembers, type Latency, latencyOf, latencySdMs } from "./latency.ts";
export { type Measurement, measurePlan } from "./measure-plan.ts";
export { type MeasureOptions, measureProfile } from "./measure-profile.ts";
export { type Profile, type Role, readProfile, type Sample } from "./profile.ts";
export { nodeWork, type Work, workUnits } from "./work.ts";
