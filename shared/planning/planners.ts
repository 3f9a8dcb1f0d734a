import { EddiError } from "#shared/errors";
import { POLICIES, type PolicyName } from "#shared/policies";
import { SharedPlanners } from "./eddi-planner.ts";
import type { CostedModel, PlannerKind } from "./planner.ts";
import { PolicyPlanner } from "./policy-planner.ts";

export type PlannerName = "eddi" | PolicyName;

/** All ways to plan that there are: EDDI's, and the policies. */
export const PLANNERS: readonly PlannerName[] = ["eddi", ...(Object.keys(POLICIES) as PolicyName[])];

/** What plans for one model. Whoever has many users keeps it: its planners share what is expensive. */
export function plannerKind(name: PlannerName, model: CostedModel): PlannerKind {
  if (name === "eddi") return new SharedPlanners(model);
  return { start: () => new PolicyPlanner(model, POLICIES[name]()) };
}

/** @throws EddiError `bad-argument` when there is no planner of that name */
export function plannerName(text: string): PlannerName {
  const found = PLANNERS.find((name) => name === text);
  if (found !== undefined) return found;
  throw new EddiError("bad-argument", `planner: expected ${PLANNERS.join(", ")}, got ${text}`);
}
