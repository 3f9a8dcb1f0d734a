import type { Plan } from "#shared/model";
import { timerMs } from "#shared/optimizer";
import { finishTimes } from "./finish-times.ts";
import { foresee } from "./foresee.ts";
import type { CostedModel, PlanChoice, Planner, PlanRequest } from "./planner.ts";

/**
 * Gives any planner's plans the insurance that EDDI's have: where the reply may be late the edge finishes in time. Its
 * exit is the most accurate one that can still be in time once the head has run; the plan itself is left as it is, so
 * that what is due to planning and what to insurance is told apart.
 */
export function insured(model: CostedModel, planner: Planner): Planner {
  return {
    plan(request: PlanRequest): PlanChoice {
      const choice = planner.plan(request);
      const { plan } = choice;
      return plan === null ? choice : { ...choice, plan: insuredPlan(model, plan, request) };
    },
  };
}

function insuredPlan(model: CostedModel, plan: Plan, request: PlanRequest): Plan {
  const foreseen = foresee(model, plan, request);
  // All-edge needs none.
  if (foreseen === null || foreseen.ways.at(-1)!.by === "edge") return plan;
  const { imageMs, latency } = foreseen.prediction;
  const leftMs = request.budgetMs - imageMs - latency.edgeMs - timerMs(request.budgetMs);
  const inTime = finishTimes(model, plan, request).filter(({ latestMs }) => latestMs <= leftMs);
  const accuracy = (id: string): number => {
    const exit = model.costs.find((one) => one.exit === id)!;
    return exit.accuracy ?? exit.position;
  };
  const best = inTime.sort((a, b) => accuracy(b.exit) - accuracy(a.exit))[0];
  if (best === undefined) return plan;
  return { ...plan, insurance: { exit: best.exit } };
}
