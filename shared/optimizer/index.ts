export type { Constraints } from "./constraints.ts";
export { buildEnvelope, type Envelope } from "./envelope.ts";
export { efficientHeads, type HeadPoints, type HeadQuery, MAX_HEADS } from "./head-points.ts";
export { leastPeriod, type PeriodPlan, periodMs } from "./least-period.ts";
export {
  CONFIDENCE,
  type Decision,
  type LiveChoice,
  LivePlanner,
  type LiveProblem,
  type LiveRequest,
  type LoadMode,
} from "./live-planner.ts";
export { type HeadPlan, MinCutPlanner, minCutPlan } from "./min-cut-plan.ts";
export { type Choice, type Objective, optimize, type PlanningProblem } from "./optimize.ts";
