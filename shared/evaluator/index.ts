export { type Contraction, type ContractOptions, contract, expandHead, type Measure } from "./contract.ts";
export { type CostOptions, type ExitCosts, exitCosts } from "./exit-costs.ts";
export { headMembers, type Latency, latencyOf, latencySdMs } from "./latency.ts";
export {
  chooseCodecs,
  codecsOf,
  costsOf,
  fittedCosts,
  forcedCodec,
  hasCodecs,
  lossOver,
  promisedAccuracy,
  servesEarlyExits,
  TOLERANCE,
  type Wire,
  type WireMode,
  wireModes,
} from "./wire.ts";
