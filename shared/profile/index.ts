export { analyticProfile } from "./analytic-profile.ts";
export { headsFromSamples, profileFromSamples } from "./fit-profile.ts";
export { layerPlan, layerSum } from "./layer-sum.ts";
export { insidePlan, type Measurement, measurePlan } from "./measure-plan.ts";
export {
  makeProfile,
  measureProfile,
  type ProfileOf,
  profileJobs,
  type Stopwatch,
  sampleJobs,
  type TimeSegment,
} from "./measure-profile.ts";
export { type ImageSize, type Jobs, type TransferWatch, transferJobs } from "./measure-transfer.ts";
export { catalogueOf, type PlainTail, plainTails } from "./plain-tails.ts";
export { type Profile, profileFile, readProfile, type Sample } from "./profile.ts";
export {
  fitRegression,
  type HeadTimes,
  type ProfiledModel,
  profileFromRegression,
  type Regression,
  readRegression,
  USUAL_TIMES,
} from "./regression.ts";
export type { Role } from "./role.ts";
export { quantile, type RoundOptions, type Timed, timeInRounds } from "./rounds.ts";
export { codecMs, deflateMs, moveMs, scaleTransfer, type Transfer, USUAL_TRANSFERS } from "./transfer.ts";
export { detourWork, nodeWork, type Work, workUnits } from "./work.ts";
