export { type Alternative, alternativeAt, alternativesOf, sentBytes } from "./alternatives.ts";
export { finishParts } from "./finish-times.ts";
export { insured } from "./insured.ts";
export type { CostedModel, PlanChoice, Planner, PlannerKind, PlanRequest } from "./planner.ts";
export { INSURED, PLANNERS, type PlannerName } from "./planner-names.ts";
export { plannerKind } from "./planners.ts";
export type {
  Finish,
  Forecast,
  LoadReport,
  Planning,
  Prediction,
  Soonest,
  SoonestStage,
  Way,
} from "./planning.ts";
export { planningFor } from "./planning-for.ts";
export { dueMs, type Local, nextStep, type Race, type Step, worthMs } from "./race.ts";
export {
  type PlanningTrace,
  type Replayed,
  replayTrace,
  type TracedDecision,
  type TracedProfiles,
} from "./trace.ts";
export { readVisit, type SavedVisit } from "./visit.ts";
