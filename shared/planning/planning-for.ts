import { finishTimes } from "./finish-times.ts";
import { type Foreseen, foresee } from "./foresee.ts";
import type { CostedModel, PlanChoice, Planner, PlanRequest } from "./planner.ts";
import type { LoadReport, Planning } from "./planning.ts";

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
