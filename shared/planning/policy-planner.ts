import { codecsOf } from "#shared/evaluator";
import type { Plan } from "#shared/model";
import type { Decide, Found } from "#shared/policies";
import { type CostedModel, objectiveOf, type PlanChoice, type Planner, type PlanRequest } from "./planner.ts";

/**
 * A policy of `#shared/policies` as a planner. What it wants is what it decides; while weights of that are still under
 * way, which no paper speaks of, the image is sent instead.
 */
export class PolicyPlanner implements Planner {
  private readonly model: CostedModel;
  private readonly decide: Decide;

  constructor(model: CostedModel, decide: Decide) {
    this.model = model;
    this.decide = decide;
  }

  plan(request: PlanRequest): PlanChoice {
    const { costs, policies } = this.model;
    if (costs.length === 0) return { plan: null, wanted: null };
    const { conditions, framesPerSecond, image: lead, readyNodes, isGuess = false } = request;
    const objective = objectiveOf(request);
    const found = this.decide({ costs, policies, conditions, objective, lead, framesPerSecond });
    const wanted = toPlan(found);
    const { names } = found.costs.dag;
    const needed = [...wanted.head, ...this.branches(found)].filter((name) => name !== names[0]);
    if (needed.every((name) => readyNodes.has(name))) return { plan: wanted, wanted };
    const plan = toPlan({ costs: found.costs, head: names.map((_, node) => node === 0) });
    return { plan, wanted: isGuess ? plan : wanted };
  }

  /** All that its early exits need. */
  private branches({ early = [] }: Found): readonly string[] {
    const { costs } = this.model;
    return early.flatMap(({ exit }) => costs.find((one) => one.exit === exit)?.dag.names ?? []);
  }
}

function toPlan({ costs, head, early = [] }: Found): Plan {
  const { names, successors } = costs.dag;
  const cut = names.filter((_, node) => head[node] && successors[node]!.some((reader) => !head[reader]));
  const codecs = codecsOf(costs, cut);
  return {
    exit: costs.exit,
    head: names.filter((_, node) => head[node]),
    ...(early.length === 0 ? {} : { early }),
    ...(codecs === undefined ? {} : { codecs }),
  };
}
