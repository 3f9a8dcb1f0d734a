export type { Constraints } from "./constraints.ts";
export { buildEnvelope, type Envelope } from "./envelope.ts";
export { efficientHeads, type HeadPoints, type HeadQuery } from "./head-points.ts";
export {
  type Decision,
  type LiveChoice,
  LivePlanner,
  type LiveProblem,
  type LiveRequest,
  type LoadMode,
} from "./live-planner.ts";
export { type HeadPlan, MinCutPlanner } from "./min-cut-plan.ts";
export { type Choice, type Objective, optimize, type PlanningProblem } from "./optimize.ts";
