import { ancestors, closedHeads, cutVertices, subgraph } from "#shared/graph";
import { type Model, type Plan, type Split, splitPlan } from "#shared/model";

/** A cut whose stages are predicted and measured. */
export interface Case {
  readonly kind: "vertex" | "multi";
  readonly plan: Plan;
  readonly split: Split;
}

/** Heads looked at for each exit, when there are many. */
const MAX_HEADS = 20_000;

/**
 * Every cut vertex of every exit, the image and the exit's own node included, and random cuts of two tensors
 * or more, which no profile was measured at.
 *
 * @param count of random cuts; fewer where a model has fewer
 */
export function latencyCases(model: Model, count: number, random: () => number): readonly Case[] {
  const vertices: Case[] = [];
  const multi: Case[] = [];
  for (const exit of model.metadata.exits) {
    const dag = subgraph(model.dag, ancestors(model.dag, model.dag.names.indexOf(exit.node)));
    const toCase = (kind: Case["kind"], head: readonly string[]): Case => {
      const plan = { exit: exit.id, head };
      return { kind, plan, split: splitPlan(model, plan) };
    };
    for (const vertex of cutVertices(dag)) vertices.push(toCase("vertex", dag.names.slice(0, vertex + 1)));
    let seen = 0;
    for (const members of closedHeads(dag)) {
      if (++seen > MAX_HEADS) break;
      const one = toCase(
        "multi",
        dag.names.filter((_, node) => members[node]),
      );
      if (one.split.cut.length >= 2) multi.push(one);
    }
  }
  return [...vertices, ...drawn(multi, count, random)];
}

/** `count` of them, in their order. */
function drawn<T>(items: readonly T[], count: number, random: () => number): readonly T[] {
  const left = items.map((_, at) => at);
  const chosen = new Set<number>();
  while (chosen.size < count && left.length > 0) {
    chosen.add(left.splice(Math.floor(random() * left.length), 1)[0]!);
  }
  return items.filter((_, at) => chosen.has(at));
}
