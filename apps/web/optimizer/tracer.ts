import type { Plan, SimulatedConditions } from "#shared/model";
import type { PlanningTrace, PlanRequest, TracedProfiles } from "#shared/planning";
import type { Costed } from "./costed.ts";

/** The latest decisions are kept: of some minutes. */
const MOST_DECISIONS = 1000;

interface Decided {
  readonly request: PlanRequest;
  readonly profiles: TracedProfiles;
  readonly plan: Plan | null;
  readonly simulated: SimulatedConditions | null;
  readonly atMs: number;
}

/** Keeps what was planned, and what it followed from, as far as the latest decisions need it. */
export class Tracer {
  private profiles: TracedProfiles | null = null;
  private decisions: readonly Decided[] = [];

  /** From now on plans are costed so. */
  costed(profiles: TracedProfiles): void {
    this.profiles = profiles;
  }

  /** @param simulated what was waited for as if it were so */
  decided(
    request: PlanRequest,
    plan: Plan | null,
    simulated: SimulatedConditions | null,
    atMs: number,
  ): void {
    const { profiles } = this;
    if (profiles === null) return;
    const decided = { request, profiles, plan, simulated, atMs };
    this.decisions = [...this.decisions.slice(1 - MOST_DECISIONS), decided];
  }

  /** What there is so far. */
  trace({ model, planner, codec, imageCodecs }: Costed): PlanningTrace {
    const profiles = new Places<TracedProfiles>();
    const ready = new Places<ReadonlySet<string>>();
    // By their text: the same plan is made again and again.
    const plans = new Places<string>();
    const placeOf = (plan: Plan | null) => (plan === null ? null : plans.of(JSON.stringify(plan)));
    const decisions = this.decisions.map(({ request, plan, simulated, atMs, profiles: costed }) => {
      const { readyNodes, previous, ...asked } = request;
      return {
        ...asked,
        atMs,
        profiles: profiles.of(costed),
        ready: ready.of(readyNodes),
        previous: placeOf(previous),
        plan: placeOf(plan),
        simulated,
      };
    });
    return {
      format: 1,
      model: model.metadata.id,
      version: model.version,
      planner,
      codec,
      imageCodecs,
      profiles: profiles.all,
      ready: ready.all.map((nodes) => [...nodes]),
      plans: plans.all.map((text) => JSON.parse(text) as Plan),
      decisions,
    };
  }
}

/** Values in the order in which they were named first. */
class Places<T> {
  private readonly places = new Map<T, number>();

  of(value: T): number {
    const place = this.places.get(value) ?? this.places.size;
    this.places.set(value, place);
    return place;
  }

  get all(): readonly T[] {
    return [...this.places.keys()];
  }
}
