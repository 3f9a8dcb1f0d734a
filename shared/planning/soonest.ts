import type { ExitCosts } from "#shared/evaluator";
import { type ExitPolicy, inParts, type Plan } from "#shared/model";
import { finishParts, ranBy } from "./finish-times.ts";
import type { CostedModel, PlanRequest } from "./planner.ts";
import type { Soonest, SoonestStage } from "./planning.ts";

type Way = Pick<ExitPolicy, "exit" | "early" | "reach">;
type Untimed = Pick<Soonest, "exit"> & { readonly stages: readonly Omit<SoonestStage, "partsMs">[] };

/**
 * Of all exits and policies that are accurate enough, begin with the exits that the plan has asked, and whose nodes are
 * ready, the one that takes the least time on average. The plan's own exit where none is accurate enough.
 *
 * @returns null where not the fastest answer of an accuracy is wanted, or the plan's exit is none of the model
 */
export function soonestHere(
  { costs, policies }: CostedModel,
  plan: Plan,
  { minAccuracy, readyNodes, conditions }: Pick<PlanRequest, "minAccuracy" | "readyNodes" | "conditions">,
): Soonest | null {
  if (minAccuracy === null) return null;
  const own = costs.filter(({ wire }) => wire?.mode === costs[0]!.wire?.mode);
  const ofExit = (id: string) => own.find(({ exit }) => exit === id);
  if (ofExit(plan.exit) === undefined) return null;
  const asked = plan.early ?? [];
  const ran = ranBy(own, plan);
  const ready = new Set(
    own.flatMap(({ exit, dag }) => (dag.names.slice(1).every((name) => readyNodes.has(name)) ? [exit] : [])),
  );
  const isReady = ({ exit, early }: Way): boolean =>
    ready.has(exit) && early.every((one) => ready.has(one.exit));
  const needed = new Map(own.map(({ exit, dag }) => [exit, new Set(dag.names)]));
  // Many policies ask the same exits.
  const known = new Map<string, number>();
  const timeOf = (exits: readonly string[]): number => {
    const key = exits.join(" ");
    const before = [ran, ...exits.slice(0, -1).map((exit) => needed.get(exit)!)];
    const ms = known.get(key) ?? conditions.edgeScale * restOf(ofExit(exits.at(-1)!)!, before);
    known.set(key, ms);
    return ms;
  };
  const timed = ({ exit, early, reach }: Way): Untimed => {
    const passed = reach[asked.length - 1] ?? 1;
    const steps = [...early.slice(asked.length), { exit, threshold: 0 }];
    const ids = steps.map((step) => step.exit);
    // An image that is here was passed on, however few others were.
    const reached = (at: number): number => {
      if (at === steps.length) return 0;
      return at === 0 ? 1 : passed > 0 ? reach[asked.length + at - 1]! / passed : 1;
    };
    const stages = steps.map((step, at) => {
      const share = reached(at) - reached(at + 1);
      return { ...step, ms: timeOf(ids.slice(0, at + 1)), share };
    });
    return { exit, stages };
  };
  const plain = own.map((one) => ({ ...one, early: [], reach: [] }));
  const begins = ({ early }: Way): boolean =>
    asked.every(({ exit, threshold }, at) => early[at]?.exit === exit && early[at].threshold === threshold);
  const enough = [...plain, ...policies].filter(
    (way) => (way.accuracy ?? 0) >= minAccuracy && begins(way) && isReady(way),
  );
  const ways = enough.length > 0 ? enough : [{ exit: plan.exit, early: asked, reach: asked.map(() => 1) }];
  const { exit, stages } = ways.map(timed).reduce((best, one) => (meanMs(one) < meanMs(best) ? one : best));
  const inTheirParts = stages.map((stage, at): SoonestStage => {
    const before = [ran, ...stages.slice(0, at).map((one) => needed.get(one.exit)!)];
    return { ...stage, partsMs: partsOf(ofExit(stage.exit)!, before, stage.ms) };
  });
  return { exit, stages: inTheirParts };
}

function meanMs({ stages }: Untimed): number {
  let left = 1;
  let sum = 0;
  for (const { ms, share } of stages) {
    sum += left * ms;
    left -= share;
  }
  return sum;
}

/** What an exit takes of which some nodes have run, at edge scale 1. */
function restOf(costs: ExitCosts, before: readonly ReadonlySet<string>[]): number {
  return timesOf(costs, before).reduce((sum, ms) => sum + ms, costs.edgeFixedMs);
}

/** What takes `ms` in all, as an engine that sees replies between parts only goes about it. */
function partsOf(costs: ExitCosts, before: readonly ReadonlySet<string>[], ms: number): readonly number[] {
  const parts = inParts(timesOf(costs, before), finishParts(ms), (one) => one);
  const sums = parts.map((part) => part.reduce((sum, one) => sum + one, costs.edgeFixedMs / parts.length));
  const sum = sums.reduce((all, one) => all + one, 0);
  return sums.map((one) => (sum > 0 ? (ms * one) / sum : 0));
}

/** Of the nodes that none of these has run. */
function timesOf({ dag, edgeMs }: ExitCosts, before: readonly ReadonlySet<string>[]): readonly number[] {
  return edgeMs.filter((_, node) => !before.some((ran) => ran.has(dag.names[node]!)));
}
