import type { Plan } from "#shared/model";
import { Hysteresis, type LiveChoice, LivePlanner, type LiveRequest } from "#shared/optimizer";
import { type CostedModel, objectiveOf, type PlanChoice, type Planner, type PlanRequest } from "./planner.ts";

/** The envelopes of a model take their time: they are built when first needed, and shared by all its planners. */
export class SharedPlanners {
  readonly model: CostedModel;
  /** By whether the cloud is there; of heads that the edge can run now, and of all. */
  private readonly all = new Map<boolean, LivePlanner>();
  private readonly ready = new WeakMap<ReadonlySet<string>, Map<boolean, LivePlanner>>();

  constructor(model: CostedModel) {
    this.model = model;
  }

  start(): EddiPlanner {
    return new EddiPlanner(this);
  }

  /** @param readyNodes all, if not given */
  planner(offline: boolean, readyNodes?: ReadonlySet<string>): LivePlanner {
    const { costs, policies } = this.model;
    const isAll =
      readyNodes === undefined ||
      costs.every(({ dag, beside = [] }) => isReady([...dag.names, ...beside], readyNodes));
    const kept = isAll ? this.all : (this.ready.get(readyNodes) ?? new Map<boolean, LivePlanner>());
    if (!isAll) this.ready.set(readyNodes, kept);
    const constraints = isAll ? { offline } : { offline, readyNodes };
    const planner = kept.get(offline) ?? new LivePlanner({ costs, policies, constraints });
    kept.set(offline, planner);
    return planner;
  }
}

/** The image is always there. */
function isReady([, ...names]: readonly string[], readyNodes: ReadonlySet<string>): boolean {
  return names.every((name) => readyNodes.has(name));
}

/**
 * EDDI's own: exit, early exits, cut and codecs together, exactly, and not moved by trembling.
 *
 * Plans never wait for weights: only ready nodes are in the head. What the plan would be with all weights at
 * hand is told too, so that the edge can fetch them.
 */
export class EddiPlanner implements Planner {
  private readonly shared: SharedPlanners;
  private readonly ofPlan = new Hysteresis();
  private readonly ofWanted = new Hysteresis();
  private readyNodes: ReadonlySet<string> | null = null;
  /** What the user asked of the last plan that followed another. */
  private asked = "";

  constructor(shared: SharedPlanners) {
    this.shared = shared;
  }

  plan(request: PlanRequest): PlanChoice {
    const {
      readyNodes,
      previous,
      framesPerSecond,
      budgetMs,
      minAccuracy,
      cloudUp,
      isGuess = false,
    } = request;
    // What the user or new weights change is followed at once, a trembling of the conditions is not.
    const asked = `${budgetMs}, ${framesPerSecond}, ${minAccuracy}`;
    const patience = readyNodes !== this.readyNodes || asked !== this.asked ? 1 : PATIENCE;
    if (previous !== null) this.asked = asked;
    this.readyNodes = readyNodes;
    const live: LiveRequest = {
      conditions: request.conditions,
      objective: objectiveOf(request),
      lead: request.image,
      ...(framesPerSecond === null ? {} : { framesPerSecond }),
      patience,
    };
    const ready = this.shared.planner(!cloudUp, readyNodes);
    // Envelopes of all heads take the longest: the first answer does not wait for them.
    const wanted = isGuess ? null : choose(this.shared.planner(!cloudUp), live, previous, this.ofWanted);
    const choice = choose(ready, live, previous, this.ofPlan);
    const plan = choice && toPlan(choice);
    return {
      plan,
      wanted: isGuess ? plan : wanted && toPlan(wanted),
      ...(choice === null || framesPerSecond === null
        ? {}
        : { load: { mode: choice.mode, sustainableFps: ready.sustainableFps(live) } }),
    };
  }
}

/** A single outlier among the requests looks like a change of the link until the next one. */
const PATIENCE = 2;

function choose(
  planner: LivePlanner,
  live: LiveRequest,
  previous: Plan | null,
  hysteresis: Hysteresis,
): LiveChoice | null {
  const decision = planner.decide(live, previous && planner.find(previous), hysteresis);
  return decision && planner.describe(decision, live);
}

function toPlan({ exit, head, early, codecs, insurance }: LiveChoice): Plan {
  return {
    exit,
    head,
    ...(early === undefined ? {} : { early }),
    ...(codecs === undefined ? {} : { codecs }),
    ...(insurance === undefined ? {} : { insurance }),
  };
}
