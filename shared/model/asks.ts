import { ancestors } from "#shared/graph";
import type { EarlyExit } from "./metadata.ts";
import { exitById, type Model } from "./model.ts";
import { type Plan, type Segment, splitPlan } from "./plan.ts";

/** How the edge runs a plan: from one early exit to the next, then to the head's end. No node runs twice. */
export interface HeadRun {
  readonly asks: readonly Ask[];
  /** From there: computes nothing when the last early exit needed all of the head. */
  readonly rest: Segment;
}

/** The way to an early exit from what has run before. */
export interface Ask extends EarlyExit {
  /** Node of its scores, the first of the segment's outputs; after it whatever later nodes read. */
  readonly node: string;
  readonly segment: Segment;
}

/**
 * How the edge runs a plan. Without early exits at once: the head.
 *
 * @throws EddiError as `splitPlan`
 */
export function headRunOf(model: Model, plan: Plan): HeadRun {
  const { dag, metadata } = model;
  const { head } = splitPlan(model, plan);
  const done = dag.names.map((_, node) => node === 0);
  /** Runs these nodes, except those that have run. */
  const advance = (
    wanted: readonly boolean[],
    outputs: (isNew: (node: number) => boolean) => string[],
  ): Segment => {
    const isNew = dag.names.map((_, node) => wanted[node]! && !done[node]);
    const nodes = dag.names.filter((_, node) => isNew[node]);
    const asked = outputs((node) => isNew[node]!);
    const feeds = dag.names.filter(
      (name, node) =>
        done[node] && (asked.includes(name) || dag.successors[node]!.some((reader) => isNew[reader])),
    );
    isNew.forEach((is, node) => {
      done[node] ||= is;
    });
    return { nodes, feeds, outputs: asked };
  };
  const asks = (plan.early ?? []).map((early): Ask => {
    const { node } = exitById(metadata, early.exit);
    const above = ancestors(dag, dag.names.indexOf(node));
    const segment = advance(above, (isNew) => {
      const isKnown = (at: number): boolean => done[at]! || isNew(at);
      const read = dag.names.filter(
        (name, at) => isNew(at) && name !== node && dag.successors[at]!.some((reader) => !isKnown(reader)),
      );
      return [node, ...read];
    });
    return { ...early, node, segment };
  });
  const inHead = new Set(head.nodes);
  const rest = advance(
    dag.names.map((name) => inHead.has(name)),
    () => [...head.outputs],
  );
  return { asks, rest };
}

/** All that the edge runs for a plan when no early exit is sure: the head, and the branches of early exits. */
export function edgeNodes(model: Model, plan: Plan): readonly string[] {
  if (plan.early === undefined) return plan.head;
  const { asks } = headRunOf(model, plan);
  return [...new Set([...plan.head, ...asks.flatMap(({ segment }) => segment.nodes)])];
}
