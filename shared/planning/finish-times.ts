import type { ExitCosts } from "#shared/evaluator";
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
  const done = ranBy(own, plan);
  return own.map((exit): Finish => {
    const isAsked = plan?.early?.some((one) => one.exit === exit.exit) ?? false;
    const rest = exit.dag.names.reduce(
      (sum, name, node) => sum + (done.has(name) ? 0 : exit.edgeMs[node]!),
      isAsked ? 0 : exit.edgeFixedMs,
    );
    const finishMs = conditions.edgeScale * rest;
    return { exit: exit.exit, finishMs, latestMs: latestMs(finishMs, conditions.spread.edge) };
  });
}

/** What the edge has run when a plan's head is done: that, and the early exits that were asked on the way. */
export function ranBy(costs: readonly ExitCosts[], plan: Plan | null): ReadonlySet<string> {
  const { head = [], early = [] } = plan ?? {};
  const asked = early.flatMap(({ exit }) => costs.find((one) => one.exit === exit)?.dag.names ?? []);
  return new Set([...head, ...asked]);
}

/** An engine that computes in the thread that sees replies looks for them about so often while it finishes. */
const PART_MS = 24;

/**
 * In how many parts such an engine finishes: a power of two, so that an estimate that trembles makes no new parts.
 *
 * @param finishMs what it is expected to take; Infinity where nobody knows
 */
export function finishParts(finishMs: number): number {
  return Number.isFinite(finishMs) ? 2 ** Math.max(0, Math.round(Math.log2(finishMs / PART_MS))) : 1;
}
