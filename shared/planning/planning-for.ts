import type { Plan } from "#shared/model";
import { type Foreseen, foresee } from "./foresee.ts";
import type { CostedModel, PlanChoice, Planner, PlanRequest } from "./planner.ts";
import type { Finish, LoadReport, Planning } from "./planning.ts";

/** Lets a planner decide, and says what is to be expected of its plan: the same whoever made it. */
export function planningFor(model: CostedModel, planner: Planner, request: PlanRequest): Planning {
  const choice = planner.plan(request);
  const { plan, wanted } = choice;
  const foreseen = plan && foresee(model, plan, request);
  return {
    budgetMs: request.budgetMs,
    minAccuracy: request.minAccuracy,
    plan,
    prediction: foreseen?.prediction ?? null,
    ways: foreseen?.ways ?? [],
    wanted,
    finish: finishTimes(model, plan, request),
    load: foreseen && report(choice, foreseen, request),
    cloudUp: request.cloudUp,
    mayAnswerEarlier: request.minAccuracy === null,
  };
}

function report(
  { load }: PlanChoice,
  { periodMs }: Foreseen,
  { framesPerSecond }: PlanRequest,
): LoadReport | null {
  if (framesPerSecond === null) return null;
  const planFps = 1000 / periodMs;
  const mode = planFps >= framesPerSecond ? "latency" : "overload";
  return { framesPerSecond, planFps, ...(load ?? { mode, sustainableFps: planFps }) };
}

/** By exit: the whole way on the edge, less what the plan's head has done of it. */
function finishTimes(
  { costs }: CostedModel,
  plan: Plan | null,
  { conditions }: PlanRequest,
): readonly Finish[] {
  const own = costs.filter(({ wire }) => wire?.mode === costs[0]!.wire?.mode);
  const done = new Set(plan?.head ?? []);
  return own.map((exit): Finish => {
    const rest = exit.dag.names.reduce(
      (sum, name, node) => sum + (done.has(name) ? 0 : exit.edgeMs[node]!),
      exit.edgeFixedMs,
    );
    return { exit: exit.exit, finishMs: conditions.edgeScale * rest };
  });
}
