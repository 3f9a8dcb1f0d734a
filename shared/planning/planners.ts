import { POLICIES, POLICY_NAMES } from "#shared/policies";
import { SharedPlanners } from "./eddi-planner.ts";
import { insured } from "./insured.ts";
import type { CostedModel, PlannerKind } from "./planner.ts";
import type { PlannerName } from "./planner-names.ts";
import { PolicyPlanner } from "./policy-planner.ts";

/** What plans for one model. Whoever has many users keeps it: its planners share what is expensive. */
export function plannerKind(name: PlannerName, model: CostedModel): PlannerKind {
  const bare = POLICY_NAMES.find((policy) => name.split("+")[0] === policy);
  if (bare === undefined) return new SharedPlanners(model);
  const start = () => new PolicyPlanner(model, POLICIES[bare]());
  return { start: () => (name === bare ? start() : insured(model, start())) };
}
