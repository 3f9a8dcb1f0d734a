import { latestMs } from "#shared/optimizer";
import {
  type CostedModel,
  DEAD_LINK_MS,
  deadlineMs,
  localExit,
  type PlanRequest,
  type Prediction,
} from "#shared/planning";
import type { Demands } from "./demands.ts";
import type { Guard } from "./pilot.ts";

export function guardOf(
  { costs }: CostedModel,
  { ran, asks }: Demands,
  { budgetMs, conditions }: PlanRequest,
  prediction: Prediction,
): (elapsedMs: number) => Guard {
  const known = asks.at(-1)?.exit;
  const own = costs.filter(({ wire }) => wire?.mode === costs[0]!.wire?.mode);
  const finish = own.map((exit) => {
    const ms = exit.dag.names.reduce(
      (sum, name, node) => sum + (ran.has(name) ? 0 : exit.edgeMs[node]!),
      exit.edgeFixedMs,
    );
    const finishMs = exit.exit === known ? 0 : conditions.edgeScale * ms;
    return { exit: exit.exit, finishMs, latestMs: latestMs(finishMs, conditions.spread.edge) };
  });
  return (elapsedMs) => ({
    startMs: Math.min(DEAD_LINK_MS, deadlineMs(budgetMs, elapsedMs, prediction, finish)),
    exitAt: (now) => localExit(finish, budgetMs - now + GRACE_MS)?.exit ?? null,
  });
}

/** As `finish-here.ts`. */
const GRACE_MS = 10;
