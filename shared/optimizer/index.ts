export type { Constraints } from "./constraints.ts";
export { type HeadPlan, minCutPlan } from "./min-cut-plan.ts";
export { type Choice, type Objective, optimize, type PlanningProblem } from "./optimize.ts";
