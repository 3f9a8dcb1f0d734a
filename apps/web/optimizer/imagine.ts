import type { CostedModel, Planner } from "#shared/planning";
import { alternativeAt, alternativesOf, type PlanRequest, planningFor, sentBytes } from "#shared/planning";
import type { Imagined, PhaseMap, PhaseMapRequest } from "../talk/optimizer.ts";

/** What would be planned, or what a given plan would cost, in conditions that are not. Decides nothing. */
export function imagine(
  model: CostedModel,
  planner: Planner,
  request: PlanRequest,
  given: Imagined["plan"],
): Imagined {
  const { budgetMs, minAccuracy, conditions } = request;
  const alternatives = alternativesOf(model, request);
  const common = { budgetMs, minAccuracy, conditions, alternatives };
  if (given !== null) {
    const found = alternativeAt(model, given, request);
    const { plan, prediction, sentBytes: bytes } = found ?? { plan: null, prediction: null, sentBytes: 0 };
    return { ...common, plan, prediction, sentBytes: bytes };
  }
  const { plan, prediction } = planningFor(model, planner, { ...request, previous: null });
  return { ...common, plan, prediction, sentBytes: plan === null ? 0 : sentBytes(model, plan) };
}

/** A breath between the rows of a map: plans for images go first. */
const breath = (): Promise<void> => new Promise((done) => setTimeout(done));

/**
 * What would be planned over a plane of conditions: uplinks to the right, slower edges upwards, each on a logarithmic
 * scale. A row is computed at a time, so that whatever else is asked meanwhile is not kept waiting.
 *
 * @throws the signal's reason
 */
export async function phaseMap(
  { columns, rows, uplinkBps, rttMs, edgeScale }: PhaseMapRequest,
  at: (conditions: Partial<PlanRequest["conditions"]>) => Imagined["plan"],
  signal: AbortSignal,
): Promise<PhaseMap> {
  const kinds: PhaseMap["kinds"][number][] = [];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const share = (column + 0.5) / columns;
      const plan = at({
        uplinkBps: between(uplinkBps, share),
        rttMs: between(rttMs, share),
        edgeScale: between(edgeScale, (row + 0.5) / rows),
      });
      kinds.push(plan === null ? null : { exit: plan.exit, nodes: plan.head.length });
    }
    await breath();
    signal.throwIfAborted();
  }
  return { columns, rows, kinds };
}

function between([low, high]: readonly [number, number], share: number): number {
  return low * (high / low) ** share;
}
