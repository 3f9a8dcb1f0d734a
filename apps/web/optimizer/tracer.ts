import type { Plan } from "#shared/model";
import type { PlanningTrace, PlanRequest, TracedDecision, TracedProfiles } from "#shared/planning";
import type { Costed } from "./costed.ts";

/** The latest decisions are kept: of some minutes. */
const MOST_DECISIONS = 1000;

/** Keeps what was planned, and what it followed from. */
export class Tracer {
  private readonly profiles: TracedProfiles[] = [];
  private readonly ready: ReadonlySet<string>[] = [];
  /** By their text: the same plan is made again and again. */
  private readonly plans = new Map<string, { readonly at: number; readonly plan: Plan }>();
  private decisions: TracedDecision[] = [];

  /** From now on plans are costed so. */
  costed(profiles: TracedProfiles): void {
    this.profiles.push(profiles);
  }

  decided({ readyNodes, previous, ...request }: PlanRequest, plan: Plan | null, atMs: number): void {
    if (this.profiles.length === 0) return;
    if (this.ready.at(-1) !== readyNodes) this.ready.push(readyNodes);
    const decision = {
      ...request,
      atMs,
      profiles: this.profiles.length - 1,
      ready: this.ready.length - 1,
      previous: this.placeOf(previous),
      plan: this.placeOf(plan),
    };
    this.decisions = [...this.decisions.slice(1 - MOST_DECISIONS), decision];
  }

  /** What there is so far. */
  trace({ model, planner, codec, imageCodecs }: Costed): PlanningTrace {
    return {
      format: 1,
      model: model.metadata.id,
      version: model.version,
      planner,
      codec,
      imageCodecs,
      profiles: this.profiles,
      ready: this.ready.map((nodes) => [...nodes]),
      plans: [...this.plans.values()].map(({ plan }) => plan),
      decisions: this.decisions,
    };
  }

  private placeOf(plan: Plan | null): number | null {
    if (plan === null) return null;
    const text = JSON.stringify(plan);
    const known = this.plans.get(text) ?? { at: this.plans.size, plan };
    this.plans.set(text, known);
    return known.at;
  }
}
