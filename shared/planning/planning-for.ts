import { finishTimes } from "./finish-times.ts";
import { type Foreseen, foresee } from "./foresee.ts";
import { patienceMs } from "./patience.ts";
import type { CostedModel, PlanChoice, Planner, PlanRequest } from "./planner.ts";
import type { LoadReport, Planning, Soonest } from "./planning.ts";
import { soonestHere } from "./soonest.ts";

/** Lets a planner decide, and says what is to be expected of its plan: the same whoever made it. */
export function planningFor(model: CostedModel, planner: Planner, request: PlanRequest): Planning {
  const choice = planner.plan(request);
  const { plan, wanted } = choice;
  const foreseen = plan && foresee(model, plan, request);
  const finish = finishTimes(model, plan, request);
  const soonest = plan && soonestHere(model, plan, request);
  return {
    budgetMs: request.budgetMs,
    minAccuracy: request.minAccuracy,
    plan,
    prediction: foreseen?.prediction ?? null,
    ways: foreseen?.ways ?? [],
    wanted,
    finish,
    soonest,
    patienceMs: foreseen === null || soonest === null ? 0 : patienceFor(foreseen, soonest, request),
    load: foreseen && report(choice, foreseen, request),
    cloudUp: request.cloudUp,
    mayAnswerEarlier: request.minAccuracy === null,
  };
}

function patienceFor(
  { prediction, ways }: Foreseen,
  { stages }: Soonest,
  { conditions }: PlanRequest,
): number {
  if (ways.at(-1)!.by === "edge") return 0;
  const { latency, sdMs } = prediction;
  const remoteMs = latency.totalMs - latency.edgeMs;
  return patienceMs({ remoteMs, sdMs, late: conditions.spread.late }, stages);
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
