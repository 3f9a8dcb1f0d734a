import { codecsOf, costsOf, type ExitCosts, headMembers } from "#shared/evaluator";
import type { Plan } from "#shared/model";
import { foresee } from "./foresee.ts";
import type { CostedModel, PlanRequest } from "./planner.ts";
import type { Prediction } from "./planning.ts";

/** A simple way to answer, to compare a plan with. */
export interface Alternative {
  /**
   * `all-edge` and `all-cloud`: the whole model in one place, up to its last exit; `early-edge`: the edge alone, at the
   * earlier exit that serves the wish best.
   */
  readonly kind: "all-edge" | "all-cloud" | "early-edge";
  readonly plan: Plan;
  readonly prediction: Prediction;
  /** What it sends, headers included. */
  readonly sentBytes: number;
}

/**
 * What the simple ways would cost now, whichever plan was made: the best of each kind by the wish of the request, whether
 * it keeps the budget or not. Weights that are not here yet are not waited for: these are forecasts.
 *
 * @returns none of the cloud while it is not there, none that is no other than the last exit's
 */
export function alternativesOf(model: CostedModel, request: PlanRequest): readonly Alternative[] {
  const last = Math.max(...model.costs.map(({ position }) => position));
  const whole = model.costs.filter(({ position }) => position === last);
  const earlier = model.costs.filter(
    ({ position, wire }) => position < last && wire?.mode === whole[0]?.wire?.mode,
  );
  const all = ({ dag }: ExitCosts): readonly boolean[] => dag.names.map(() => true);
  const image = ({ dag }: ExitCosts): readonly boolean[] => dag.names.map((_, node) => node === 0);
  const foreseen = (kind: Alternative["kind"], from: readonly ExitCosts[], head: typeof all) => {
    const found = from.flatMap((costs) => forecastOf(model, costs, head(costs), request) ?? []);
    const [best] = found.sort((a, b) => rank(a, b, request));
    return best && { kind, ...best };
  };
  return [
    request.cloudUp ? foreseen("all-cloud", whole, image) : undefined,
    foreseen("early-edge", earlier, all),
    foreseen("all-edge", whole.slice(0, 1), all),
  ].filter((one) => one !== undefined);
}

/**
 * A given exit and head, sent in the way that serves the wish best.
 *
 * @returns null where it is no plan of this model
 */
export function alternativeAt(
  model: CostedModel,
  { exit, head }: Pick<Plan, "exit" | "head">,
  request: PlanRequest,
): Pick<Alternative, "plan" | "prediction" | "sentBytes"> | null {
  const found = model.costs
    .filter((costs) => costs.exit === exit)
    .flatMap((costs) => forecastOf(model, costs, headMembers(costs, head), request) ?? []);
  return found.sort((a, b) => rank(a, b, request))[0] ?? null;
}

/** Bytes that a plan sends, headers included; 0 where it sends nothing. */
export function sentBytes({ costs }: CostedModel, plan: Plan): number {
  const chosen = costsOf(costs, plan);
  return chosen === undefined ? 0 : bytesOf(chosen, headMembers(chosen, plan.head));
}

function forecastOf(
  model: CostedModel,
  costs: ExitCosts,
  members: readonly boolean[],
  request: PlanRequest,
): Omit<Alternative, "kind"> | null {
  const { names, successors } = costs.dag;
  const head = names.filter((_, node) => members[node]);
  const cut = names.filter(
    (_, node) => members[node] && successors[node]!.some((reader) => !members[reader]),
  );
  const codecs = codecsOf(costs, cut);
  const plan: Plan = { exit: costs.exit, head, ...(codecs === undefined ? {} : { codecs }) };
  const foreseen = foresee(model, plan, request);
  return foreseen && { plan, prediction: foreseen.prediction, sentBytes: bytesOf(costs, members) };
}

function bytesOf({ dag, wireBytes, requestBytes }: ExitCosts, members: readonly boolean[]): number {
  if (members.every(Boolean)) return 0;
  return dag.successors.reduce((sum, readers, node) => {
    const crosses = members[node] && readers.some((reader) => !members[reader]);
    return crosses ? sum + wireBytes[node]! : sum;
  }, requestBytes);
}

type Ranked = Pick<Alternative, "prediction">;

/** Better first: what keeps the wish, then the more accurate, then the faster; of what does not keep it the faster. */
function rank(a: Ranked, b: Ranked, { minAccuracy }: PlanRequest): number {
  const [one, other] = [a.prediction, b.prediction];
  const faster = one.totalMs - other.totalMs;
  if (one.feasible !== other.feasible) return one.feasible ? -1 : 1;
  if (!one.feasible || minAccuracy !== null) return faster;
  return (other.accuracy ?? 0) - (one.accuracy ?? 0) || faster;
}
