import {
  costsOf,
  type ExitCosts,
  headMembers,
  type Latency,
  latencyOf,
  latencySdMs,
} from "#shared/evaluator";
import type { Conditions, ExitPolicy, Plan } from "#shared/model";
import { type Constraints, type LiveChoice, LivePlanner, type LiveRequest } from "#shared/optimizer";
import type { Finish, Forecast, LoadReport, Planning, Prediction, Way } from "../talk/planning.ts";

/** All that a plan follows from. */
export interface Knowledge {
  /** Earliest exit first; of one wire mode after the other. */
  readonly costs: readonly ExitCosts[];
  /** Ways to let sure exits answer early. */
  readonly policies: readonly ExitPolicy[];
  readonly conditions: Conditions;
  /** Decoding and scaling an image: spent before the plan's latency begins. */
  readonly image: { readonly ms: number; readonly sdMs: number };
  /** What the edge can run now. */
  readonly readyNodes: ReadonlySet<string>;
  /** False while the service cannot be reached or refuses. */
  readonly cloudUp: boolean;
  /** How often frames arrive that overlap; null: one image at a time. */
  readonly framesPerSecond: number | null;
  /** Top-1 that is enough, 0..1: then the fastest plan is wanted, not the best within the budget. */
  readonly minAccuracy: number | null;
}

/** Plans for the next image. Keeps the planners, whose envelopes take their time, while they are true. */
export class Planners {
  private costs: readonly ExitCosts[] = [];
  private policies: readonly ExitPolicy[] = [];
  private readyNodes: ReadonlySet<string> = new Set();
  /** Of heads that the edge can run now, and of all; by whether the cloud is there. */
  private readonly ready = new Map<boolean, LivePlanner>();
  private readonly all = new Map<boolean, LivePlanner>();
  /** What the user asked of the last plan that followed another. */
  private asked = "";

  /**
   * The plan for the next image.
   *
   * Plans never wait for weights: only ready nodes are in the head. What the plan would be with all weights at
   * hand is told too, so that the edge can fetch them.
   *
   * @param previous the plan in use
   */
  planFor(knowledge: Knowledge, budgetMs: number, previous: Plan | null): Planning {
    const { costs, policies, readyNodes, framesPerSecond } = knowledge;
    const isOther = costs !== this.costs || policies !== this.policies;
    const isGrown = readyNodes !== this.readyNodes;
    if (isOther) this.all.clear();
    if (isOther || isGrown) this.ready.clear();
    // What the user or new weights change is followed at once, a trembling of the conditions is not.
    const asked = `${budgetMs}, ${framesPerSecond}, ${knowledge.minAccuracy}`;
    const patience = isOther || isGrown || asked !== this.asked ? 1 : PATIENCE;
    if (previous !== null) this.asked = asked;
    Object.assign(this, { costs, policies, readyNodes });
    const offline = !knowledge.cloudUp;
    const wanted = choose(this.planner(this.all, { offline }), knowledge, budgetMs, previous, patience);
    const planner = this.planner(this.ready, { offline, readyNodes });
    const choice = choose(planner, knowledge, budgetMs, previous, patience);
    const plan = choice && toPlan(choice);
    return {
      budgetMs,
      minAccuracy: knowledge.minAccuracy,
      plan,
      prediction: choice && predict(choice, knowledge),
      ways: choice === null ? [] : waysOf(choice, knowledge),
      wanted: wanted && toPlan(wanted),
      finish: finishTimes(knowledge, plan),
      load:
        choice === null || framesPerSecond === null
          ? null
          : report(planner, choice, knowledge, framesPerSecond),
      cloudUp: knowledge.cloudUp,
      mayAnswerEarlier: knowledge.minAccuracy === null,
    };
  }

  private planner(kept: Map<boolean, LivePlanner>, constraints: Constraints): LivePlanner {
    const offline = constraints.offline ?? false;
    const { costs, policies } = this;
    const planner = kept.get(offline) ?? new LivePlanner({ costs, policies, constraints });
    kept.set(offline, planner);
    return planner;
  }
}

/** A single outlier among the requests looks like a change of the link until the next one. */
const PATIENCE = 2;

function choose(
  planner: LivePlanner,
  knowledge: Knowledge,
  budgetMs: number,
  previous: Plan | null,
  patience: number,
): LiveChoice | null {
  const request = { ...requestFor(knowledge, budgetMs), patience };
  const decision = planner.decide(request, previous && planner.find(previous));
  return decision && planner.describe(decision, request);
}

function requestFor(
  { conditions, image, framesPerSecond, minAccuracy }: Knowledge,
  budgetMs: number,
): LiveRequest {
  return {
    conditions,
    objective: minAccuracy === null ? { kind: "accuracy", budgetMs } : { kind: "latency", minAccuracy },
    lead: image,
    ...(framesPerSecond === null ? {} : { framesPerSecond }),
  };
}

function toPlan({ exit, head, early, codecs }: LiveChoice): Plan {
  return {
    exit,
    head,
    ...(early === undefined ? {} : { early }),
    ...(codecs === undefined ? {} : { codecs }),
  };
}

function predict(choice: LiveChoice, knowledge: Knowledge): Prediction {
  const { latency, expectedMs, accuracy, probability, feasible } = choice;
  const { image } = knowledge;
  return {
    ...forecast(latency, knowledge),
    expectedMs: expectedMs + image.ms,
    accuracy,
    probability,
    feasible,
  };
}

function forecast(latency: Latency, { conditions, image }: Knowledge): Forecast {
  return {
    latency,
    imageMs: image.ms,
    totalMs: latency.totalMs + image.ms,
    sdMs: Math.hypot(latencySdMs(latency, conditions.spread), image.sdMs),
  };
}

/** All the ways that an image of this plan may take, so that what it took can be compared with what was expected. */
function waysOf(choice: LiveChoice, knowledge: Knowledge): readonly Way[] {
  const { exit, early = [], earlyMs, cut, latency } = choice;
  const own: Way = { exit, by: cut.length === 0 ? "edge" : "cloud", forecast: forecast(latency, knowledge) };
  const sure = early.map(
    (asked, at): Way => ({
      exit: asked.exit,
      by: "edge",
      forecast: forecast({ ...NOTHING, edgeMs: earlyMs[at]!, totalMs: earlyMs[at]! }, knowledge),
    }),
  );
  return [...sure, ...(cut.length === 0 ? [] : earlierInCloud(choice, knowledge)), own];
}

/** What a busy service may answer with instead: the same request, a shorter tail. */
function earlierInCloud(choice: LiveChoice, knowledge: Knowledge): readonly Way[] {
  const { costs, conditions, minAccuracy } = knowledge;
  const chosen = costsOf(costs, choice);
  if (chosen === undefined || minAccuracy !== null) return [];
  const own = costs.filter(({ wire }) => wire?.mode === chosen.wire?.mode);
  const head = new Set(choice.head);
  return own.slice(0, own.indexOf(chosen)).flatMap((exit): Way[] => {
    const members = exit.dag.names.map((name) => head.has(name));
    // An exit that lies in the head has no tail.
    if (members.every(Boolean)) return [];
    const { cloudMs } = latencyOf(exit, members, conditions);
    const totalMs = choice.latency.totalMs - choice.latency.cloudMs + cloudMs;
    const latency = { ...choice.latency, cloudMs, totalMs };
    return [{ exit: exit.exit, by: "cloud", forecast: forecast(latency, knowledge) }];
  });
}

const NOTHING = { uplinkMs: 0, rttMs: 0, queueMs: 0, cloudMs: 0, downlinkMs: 0 } as const;

function report(
  planner: LivePlanner,
  { mode, periodMs }: LiveChoice,
  knowledge: Knowledge,
  framesPerSecond: number,
): LoadReport {
  const sustainableFps = planner.sustainableFps(requestFor(knowledge, 0));
  return { framesPerSecond, mode, planFps: 1000 / periodMs, sustainableFps };
}

/** By exit: the whole way on the edge, less what the plan's head has done of it. */
function finishTimes({ costs, conditions }: Knowledge, plan: Plan | null): readonly Finish[] {
  const own = costs.filter(({ wire }) => wire?.mode === costs[0]!.wire?.mode);
  return own.map((exit): Finish => {
    const done = new Set(plan?.head ?? []);
    const rest = exit.dag.names.reduce(
      (sum, name, node) => sum + (done.has(name) ? 0 : exit.edgeMs[node]!),
      exit.edgeFixedMs,
    );
    return { exit: exit.exit, finishMs: conditions.edgeScale * rest };
  });
}

/** Times of a plan's head and tail by the profiles alone: what measured times are compared with. */
export function profiledMs(
  costs: readonly ExitCosts[],
  plan: Plan,
  conditions: Conditions,
): { readonly edgeMs: number; readonly cloudMs: number } {
  const exit = costsOf(costs, plan);
  if (exit === undefined) return { edgeMs: 0, cloudMs: 0 };
  const unscaled = { ...conditions, edgeScale: 1, cloudScale: 1 };
  return latencyOf(exit, headMembers(exit, plan.head), unscaled);
}

/** Time on the edge, by the profile alone, of the branches of early exits that were asked in vain. */
export function branchMs(costs: readonly ExitCosts[], branches: readonly string[], runs: number): number {
  const timeOf = (name: string): number => {
    const exit = costs.find(({ dag }) => dag.names.includes(name));
    return exit === undefined ? 0 : exit.edgeMs[exit.dag.names.indexOf(name)]!;
  };
  return runs * (costs[0]?.edgeFixedMs ?? 0) + branches.reduce((sum, name) => sum + timeOf(name), 0);
}
