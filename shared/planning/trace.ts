import type { ImageCodecName } from "#shared/codecs";
import { EddiError } from "#shared/errors";
import { exitCosts } from "#shared/evaluator";
import type { Catalogue, Model, Plan, SimulatedConditions, Transport, WireCodec } from "#shared/model";
import { type Profile, readProfile } from "#shared/profile";
import type { Planner, PlanRequest } from "./planner.ts";
import { PLANNERS, type PlannerName } from "./planner-names.ts";
import { plannerKind } from "./planners.ts";

/** What was planned on a visit, and all that it followed from: plain data, from which it can be planned anew. */
export interface PlanningTrace {
  readonly format: 1;
  readonly model: string;
  readonly version: string;
  readonly planner: PlannerName;
  /** Of all tensors; null for what was measured to be best. */
  readonly codec: WireCodec | null;
  readonly imageCodecs: readonly ImageCodecName[];
  /** What plans were costed with, one after the other. */
  readonly profiles: readonly TracedProfiles[];
  /** Sets of nodes that were ready. */
  readonly ready: readonly (readonly string[])[];
  readonly plans: readonly Plan[];
  readonly decisions: readonly TracedDecision[];
}

export interface TracedProfiles {
  readonly head: Profile;
  readonly tail: Profile;
  readonly transport: Transport;
  /** Whether the service decoded codecs that were fitted to tensors; absent where nobody asked yet. */
  readonly mayFit?: boolean;
  /** What the cloud had where it was no service of ours; absent or null where it was. */
  readonly catalogue?: Catalogue | null;
  /** Whether early exits were allowed to answer. */
  readonly earlyExits: boolean;
}

/** One decision; profiles, nodes and plans by their places in the trace. */
export interface TracedDecision extends Omit<PlanRequest, "readyNodes" | "previous"> {
  /** Since the visit began. */
  readonly atMs: number;
  readonly profiles: number;
  readonly ready: number;
  readonly previous: number | null;
  readonly plan: number | null;
  /** What was waited for as if it were so, whose marks the conditions bear; null: nothing. */
  readonly simulated?: SimulatedConditions | null;
}

/** A decision, and what is decided of the same today. */
export interface Replayed {
  readonly atMs: number;
  readonly request: PlanRequest;
  readonly then: Plan | null;
  readonly now: Plan | null;
  readonly isSame: boolean;
  /** Whether conditions were simulated then. */
  readonly isSimulated: boolean;
}

/**
 * Decides everything anew, each time from what was known and in use then: so one other decision does not lead to more.
 *
 * @param model of the same nodes; whether of the same version is for the caller to say
 * @throws EddiError `bad-profile` when the trace is not of this model's nodes
 */
export function replayTrace(model: Model, trace: PlanningTrace): readonly Replayed[] {
  const { codec, imageCodecs, planner: name, plans, ready } = trace;
  const sets = ready.map((nodes) => new Set(nodes));
  const planOf = (at: number | null): Plan | null => (at === null ? null : plans[at]!);
  let current: { readonly profiles: number; readonly planner: Planner } | null = null;
  return trace.decisions.map(({ atMs, profiles, ready: nodes, previous, plan, ...others }) => {
    const { simulated = null, ...asked } = others;
    if (current?.profiles !== profiles) {
      const {
        head,
        tail,
        transport,
        mayFit = false,
        catalogue = null,
        earlyExits,
      } = trace.profiles[profiles]!;
      const costs = exitCosts(model, head, tail, { codec, imageCodecs, mayFit, catalogue, transport });
      const costed = { costs, policies: earlyExits ? (model.metadata.policies ?? []) : [] };
      current = { profiles, planner: plannerKind(name, costed).start() };
    }
    const request = { ...asked, readyNodes: sets[nodes]!, previous: planOf(previous) };
    const [then, now] = [planOf(plan), current.planner.plan(request).plan];
    const isSame = textOf(then) === textOf(now);
    return { atMs, request, then, now, isSame, isSimulated: simulated !== null };
  });
}

/**
 * Checks a trace as read from JSON: what plans are made of is whole, and what is named is there.
 *
 * @throws EddiError `bad-argument`, naming the field, what was expected and what came
 */
export function readTrace(value: unknown): PlanningTrace {
  const trace = value as Partial<PlanningTrace> | null;
  check(typeof trace === "object" && trace !== null, "trace", "an object", value);
  check(trace.format === 1, "format", "1", trace.format);
  check(typeof trace.model === "string", "model", "a model's id", trace.model);
  check(PLANNERS.includes(trace.planner!), "planner", `one of ${PLANNERS.join(", ")}`, trace.planner);
  for (const name of ["imageCodecs", "profiles", "ready", "plans", "decisions"] as const)
    check(Array.isArray(trace[name]), name, "a list", trace[name]);
  const whole = trace as PlanningTrace;
  const profiles = whole.profiles.map((one) => ({
    ...one,
    head: readProfile(one.head),
    tail: readProfile(one.tail),
  }));
  for (const [at, one] of whole.decisions.entries()) {
    const where = `decisions[${at}]`;
    check(one.profiles in profiles, `${where}.profiles`, "a place in profiles", one.profiles);
    check(one.ready in whole.ready, `${where}.ready`, "a place in ready", one.ready);
    for (const name of ["previous", "plan"] as const)
      check(
        one[name] === null || one[name] in whole.plans,
        `${where}.${name}`,
        "a place in plans",
        one[name],
      );
    const { conditions, image, budgetMs } = one;
    const numbers = [...Object.values({ ...conditions, spread: 0 }), image?.ms, image?.sdMs, budgetMs];
    check(numbers.every(Number.isFinite), where, "finite conditions, times and budget", JSON.stringify(one));
  }
  return { ...whole, profiles };
}

function check(isGood: boolean, name: string, expected: string, came: unknown): asserts isGood {
  if (isGood) return;
  throw new EddiError("bad-argument", `${name}: expected ${expected}, got ${String(came).slice(0, 80)}`);
}

/** Plans are the same that run the same. */
function textOf(plan: Plan | null): string {
  if (plan === null) return "none";
  const { exit, head, early, codecs, insurance } = plan;
  return JSON.stringify([exit, head, early ?? null, Object.entries(codecs ?? {}).sort(), insurance ?? null]);
}
