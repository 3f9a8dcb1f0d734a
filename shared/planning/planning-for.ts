import type { Plan } from "#shared/model";
import { latestMs } from "#shared/optimizer";
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

/** By exit: the whole way on the edge, less what the plan's head and its early exits have done of it. */
function finishTimes(
  { costs }: CostedModel,
  plan: Plan | null,
  { conditions }: PlanRequest,
): readonly Finish[] {
  const own = costs.filter(({ wire }) => wire?.mode === costs[0]!.wire?.mode);
  const asked = (plan?.early ?? []).flatMap(({ exit }) => own.find((one) => one.exit === exit) ?? []);
  const done = new Set([...(plan?.head ?? []), ...asked.flatMap(({ dag }) => dag.names)]);
  return own.map((exit): Finish => {
    const isAsked = asked.includes(exit);
    const rest = exit.dag.names.reduce(
      (sum, name, node) => sum + (done.has(name) ? 0 : exit.edgeMs[node]!),
      isAsked ? 0 : exit.edgeFixedMs,
    );
    const finishMs = conditions.edgeScale * rest;
    return { exit: exit.exit, finishMs, latestMs: latestMs(finishMs, conditions.spread.edge) };
  });
}
