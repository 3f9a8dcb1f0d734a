import {
  costsOf,
  type ExitCosts,
  headMembers,
  type Latency,
  latencyOf,
  latencySdMs,
  lossOver,
} from "#shared/evaluator";
import type { Plan } from "#shared/model";
import { CONFIDENCE, deviations, INSURANCE, leastDeviations, likelihood } from "#shared/optimizer";
import type { CostedModel, PlanRequest } from "./planner.ts";
import type { Forecast, Prediction, Way } from "./planning.ts";

/** What is expected of a plan, whoever made it. */
export interface Foreseen {
  readonly prediction: Prediction;
  readonly ways: readonly Way[];
  /** Mean time of the longest of the stages edge, uplink and cloud; to decode the image is the edge's too. */
  readonly periodMs: number;
}

/**
 * @returns null where the model has no such exit, or the cloud no such tail
 * @throws EddiError `bad-plan` when the head is none of its exit
 */
export function foresee(model: CostedModel, plan: Plan, request: PlanRequest): Foreseen | null {
  const chosen = costsOf(model.costs, plan);
  if (chosen === undefined) return null;
  const { conditions, image, budgetMs, minAccuracy } = request;
  const members = headMembers(chosen, plan.head);
  const asked = askedOf(model, plan, conditions.edgeScale);
  const own = latencyOf(chosen, members, conditions);
  const latency = later(own, asked.extraMs);
  if (latency.totalMs === Infinity) return null;
  const { spread } = conditions;
  const forecast = (of: Latency): Forecast => {
    const totalMs = of.totalMs + image.ms;
    const sdMs = Math.hypot(latencySdMs(of, spread), image.sdMs);
    const p95Ms = totalMs + Z95 * sdMs * (isRemote(of) ? spread.tail : 1);
    return { latency: of, imageMs: image.ms, totalMs, sdMs, p95Ms };
  };
  const rest = forecast(latency);
  const early = asked.stages.map(({ exit, ms }): Way => {
    return { exit, by: "edge", forecast: forecast({ ...NOTHING, edgeMs: ms, totalMs: ms }) };
  });
  const mean = (value: (forecast: Forecast) => number): number =>
    early.reduce((sum, way, at) => sum + asked.stages[at]!.share * value(way.forecast), 0) +
    asked.rest * value(rest);
  const leastZ = leastDeviations(spread);
  const inTime = ({ latency: of, totalMs, sdMs }: Forecast): number =>
    (isRemote(of) ? 1 - spread.late : 1) * likelihood(deviations(budgetMs - totalMs, sdMs), leastZ);
  const insured = plan.insurance === undefined ? 0 : asked.rest * (1 - inTime(rest)) * INSURANCE;
  const probability = minAccuracy === null ? mean(inTime) + insured : 1;
  const accuracy = accuracyOf(model, chosen, plan, members, asked.rest);
  const feasible = minAccuracy === null ? probability >= CONFIDENCE : (accuracy ?? 0) >= minAccuracy;
  const way: Way = { exit: plan.exit, by: isRemote(own) ? "cloud" : "edge", forecast: rest };
  const earlier =
    isRemote(own) && minAccuracy === null ? earlierInCloud(model, chosen, plan, latency, request) : [];
  return {
    prediction: { ...rest, expectedMs: mean(({ totalMs }) => totalMs), accuracy, probability, feasible },
    ways: [
      ...early,
      ...earlier.map(({ exit, of }): Way => ({ exit, by: "cloud", forecast: forecast(of) })),
      way,
    ],
    periodMs: Math.max(
      image.ms + mean(({ latency: { edgeMs } }) => edgeMs),
      asked.rest * latency.uplinkMs,
      asked.rest * latency.cloudMs,
    ),
  };
}

interface Asked {
  readonly stages: readonly { readonly exit: string; readonly share: number; readonly ms: number }[];
  /** Share of the images that no early exit answers. */
  readonly rest: number;
  /** What the early exits add to the head's time at the edge for these: their branches, and a call for each. */
  readonly extraMs: number;
}

/** Until each early exit has answered, and how many images it answers: all go past one that no policy tells of. */
function askedOf({ costs, policies }: CostedModel, plan: Plan, edgeScale: number): Asked {
  const { early = [] } = plan;
  const reach = policyOf(policies, plan)?.reach ?? early.map(() => 1);
  const own = new Set(plan.head);
  const done = new Set<string>();
  let edgeMs = 0;
  let extraMs = 0;
  const stages = early.flatMap(({ exit }, at) => {
    const asked = costs.find((one) => one.exit === exit);
    if (asked === undefined) return [];
    edgeMs += asked.edgeFixedMs;
    extraMs += asked.edgeFixedMs;
    for (const [node, name] of asked.dag.names.entries()) {
      if (done.has(name)) continue;
      done.add(name);
      edgeMs += asked.edgeMs[node]!;
      if (!own.has(name)) extraMs += asked.edgeMs[node]!;
    }
    return [{ exit, share: (at === 0 ? 1 : reach[at - 1]!) - reach[at]!, ms: edgeScale * edgeMs }];
  });
  return { stages, rest: reach.at(-1) ?? 1, extraMs: edgeScale * extraMs };
}

function policyOf(
  policies: CostedModel["policies"],
  { exit, early = [] }: Plan,
): CostedModel["policies"][number] | undefined {
  if (early.length === 0) return undefined;
  const wanted = JSON.stringify(early);
  return policies.find((policy) => policy.exit === exit && JSON.stringify(policy.early) === wanted);
}

/** Top-1: the policy's, else the exit's, less what the cut's codecs were measured to cost. */
function accuracyOf(
  { policies }: CostedModel,
  chosen: ExitCosts,
  plan: Plan,
  members: readonly boolean[],
  rest: number,
): number | null {
  const accuracy = policyOf(policies, plan)?.accuracy ?? chosen.accuracy;
  if (accuracy === null) return null;
  const { successors } = chosen.dag;
  const crosses = (node: number): boolean =>
    members[node]! && successors[node]!.some((reader) => !members[reader]);
  // What is counted hard images may bear alone, so all of it.
  const share = chosen.wire?.counted === undefined ? rest : 1;
  return accuracy - share * lossOver(chosen, crosses);
}

/** What a busy service may answer with instead: the same request, a shorter tail. */
function earlierInCloud(
  { costs }: CostedModel,
  chosen: ExitCosts,
  plan: Plan,
  latency: Latency,
  { conditions }: PlanRequest,
): readonly { readonly exit: string; readonly of: Latency }[] {
  const own = costs.filter(({ wire }) => wire?.mode === chosen.wire?.mode);
  const head = new Set(plan.head);
  return own.slice(0, own.indexOf(chosen)).flatMap((exit) => {
    const members = exit.dag.names.map((name) => head.has(name));
    // An exit that lies in the head has no tail.
    if (members.every(Boolean)) return [];
    const { cloudMs } = latencyOf(exit, members, conditions);
    const of = { ...latency, cloudMs, totalMs: latency.totalMs - latency.cloudMs + cloudMs };
    return [{ exit: exit.exit, of }];
  });
}

function later(latency: Latency, ms: number): Latency {
  return { ...latency, edgeMs: latency.edgeMs + ms, totalMs: latency.totalMs + ms };
}

/** One-sided 95 % quantile of the normal distribution. */
const Z95 = 1.645;

/** Whatever travels takes time in the cloud or on the way. */
function isRemote({ edgeMs, totalMs }: Latency): boolean {
  return totalMs > edgeMs;
}

const NOTHING = { uplinkMs: 0, rttMs: 0, queueMs: 0, cloudMs: 0, downlinkMs: 0 } as const;
