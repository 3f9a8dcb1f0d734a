import type { Plan } from "#shared/model";
import { latestMs } from "#shared/optimizer";
import type { CostedModel, PlanRequest } from "./planner.ts";
import type { Finish } from "./planning.ts";

/** By exit: the whole way on the edge, less what the plan's head and its early exits have done of it. */
export function finishTimes(
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
