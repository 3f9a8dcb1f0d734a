import { costsOf, type ExitCosts } from "#shared/evaluator";
import { type Conditions, NO_SPREAD, type Plan } from "#shared/model";
import { FIRST_GUESS } from "#shared/network";
import { type CostedModel, type PlannerKind, plannerKind } from "#shared/planning";
import { TRANSPORT } from "../session/answering.ts";
import { type Demands, demandsOf } from "../session/demands.ts";
import type { DrawnSession } from "../set-up/from-draw.ts";
import type { Subject } from "../set-up/subject.ts";

/** What clients of one kind have in common: phone, link and budget, and what the planner makes of these. */
export interface ClientKind {
  readonly weight: number;
  readonly conditions: Conditions;
  readonly imageMs: number;
  readonly budgetMs: number;
  /** By plan, from `plan`; the first is none. */
  readonly ways: readonly FleetWay[];
  /**
   * @param queueMs what the client believes of the cloud's queue
   * @param previous number of the plan before; -1 for none
   * @returns the plan's number among `ways`
   */
  plan(queueMs: number, previous: number, cloudUp: boolean): number;
}

export interface FleetWay {
  readonly plan: Plan;
  readonly demands: Demands;
  /** From the head's end to the answer of the insuring exit, by the profile; null without insurance. */
  readonly insured: { readonly exit: string; readonly ms: number } | null;
}

/** How surely a client that has been open for a while knows its phone and its link. */
const KNOWN = { ...NO_SPREAD, rttMs: 8, uplink: 0.1, network: 0.2, edge: 0.08, cloud: 0.12 };

/** @param of a draw's world and task */
export function clientKind(
  subject: Subject,
  { world, task }: DrawnSession,
  {
    rttMs,
    uplinkBps,
    downlinkBps,
  }: { readonly rttMs: number; readonly uplinkBps: number; readonly downlinkBps: number },
  weight: number,
  planners: PlannerKind,
): ClientKind {
  const budgetMs = task.objective.kind === "accuracy" ? task.objective.budgetMs : 1000;
  const conditions: Conditions = {
    ...FIRST_GUESS,
    rttMs,
    uplinkBps,
    downlinkBps,
    edgeScale: world.edge.slowdown,
    spread: KNOWN,
  };
  const { costs } = subject;
  const readyNodes = new Set(subject.model.dag.names);
  const ways: FleetWay[] = [];
  const numbers = new Map<string, number>();
  const known = new Map<number, number>();
  const numberOf = (plan: Plan): number => {
    const key = JSON.stringify(plan);
    const found = numbers.get(key);
    if (found !== undefined) return found;
    ways.push(wayOf(costs, plan));
    numbers.set(key, ways.length - 1);
    return ways.length - 1;
  };
  const planner = planners.start();
  return {
    weight,
    conditions,
    imageMs: world.edge.imageMs,
    budgetMs,
    ways,
    plan: (queueMs, previous, cloudUp) => {
      const level = levelOf(queueMs);
      const key = ((previous + 1) * LEVELS + level) * 2 + (cloudUp ? 1 : 0);
      const before = known.get(key);
      if (before !== undefined) return before;
      const { plan } = planner.plan({
        conditions: { ...conditions, queueMs: queueOf(level) },
        budgetMs,
        minAccuracy: null,
        framesPerSecond: null,
        image: { ms: world.edge.imageMs, sdMs: 0.1 * world.edge.imageMs },
        readyNodes,
        cloudUp,
        previous: previous < 0 ? null : ways[previous]!.plan,
      });
      const number = numberOf(plan!);
      known.set(key, number);
      return number;
    },
  };
}

/** One planner's envelopes for all kinds. */
export function fleetPlanners({ costs, model }: Subject): PlannerKind {
  const costed: CostedModel = { costs, policies: model.metadata.policies ?? [] };
  return plannerKind("eddi", costed);
}

/** Queues are told apart in steps of a tenth, from a millisecond on. */
const STEP = Math.log(1.1);
const LEVELS = 1 + Math.ceil(Math.log(10_000) / STEP);

function levelOf(queueMs: number): number {
  return queueMs < 0.5 ? 0 : Math.min(LEVELS - 1, 1 + Math.max(0, Math.round(Math.log(queueMs) / STEP)));
}

function queueOf(level: number): number {
  return level === 0 ? 0 : Math.exp((level - 1) * STEP);
}

function wayOf(costs: readonly ExitCosts[], plan: Plan): FleetWay {
  const demands = demandsOf(costs, plan, TRANSPORT);
  const exit = plan.insurance?.exit;
  return { plan, demands, insured: exit === undefined ? null : { exit, ms: finishMs(costs, demands, exit) } };
}

/** From the plan's head to another exit, on the edge. */
function finishMs(costs: readonly ExitCosts[], { ran }: Demands, exit: string): number {
  const own = costsOf(costs, { exit, head: [] }) ?? costs.find((one) => one.exit === exit)!;
  return own.dag.names.reduce(
    (sum, name, node) => sum + (ran.has(name) ? 0 : own.edgeMs[node]!),
    own.edgeFixedMs,
  );
}
