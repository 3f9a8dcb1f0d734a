import { ancestors } from "#shared/graph";
import { detoursOf } from "./detours.ts";
import type { EarlyExit } from "./metadata.ts";
import { exitById, type Model } from "./model.ts";
import { type Plan, splitPlan } from "./plan.ts";
import type { Segment } from "./segment.ts";

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

/** The way to an exit from what has run before: its scores are the first output, after them what later ways read. */
export interface WayOn {
  readonly exit: string;
  readonly node: string;
  readonly segment: Segment;
}

/**
 * The ways from one exit to the next, no node twice.
 *
 * @param ran   nodes that have run, closed; the image is there anyway
 * @param exits earliest first
 * @throws EddiError `bad-plan` for an exit that is none of the model's
 */
export function waysOn(
  { dag, metadata }: Model,
  ran: ReadonlySet<string>,
  exits: readonly string[],
): readonly WayOn[] {
  const nodes = exits.map((exit) => dag.names.indexOf(exitById(metadata, exit).node));
  const above = nodes.map((node) => ancestors(dag, node));
  // By node: the way that it is first needed on; before all of them what has run, after them what none needs.
  const way = dag.names.map((name, node) => {
    if (node === 0 || ran.has(name)) return -1;
    const first = above.findIndex((needed) => needed[node]);
    return first < 0 ? exits.length : first;
  });
  return exits.map((exit, at): WayOn => {
    const isRead = (node: number, by: (reader: number) => boolean): boolean =>
      dag.successors[node]!.some((reader) => by(way[reader]!));
    const own = dag.names.filter((_, node) => way[node] === at);
    const feeds = dag.names.filter(
      (_, node) => way[node]! < at && (node === nodes[at] || isRead(node, (reader) => reader === at)),
    );
    const later = dag.names.filter(
      (_, node) =>
        way[node] === at &&
        node !== nodes[at] &&
        isRead(node, (reader) => reader > at && reader < exits.length),
    );
    const node = dag.names[nodes[at]!]!;
    return { exit, node, segment: { nodes: own, feeds, outputs: [node, ...later] } };
  });
}

/** All nodes of the DAG that the edge runs for a plan when no early exit is sure: the head, and the branches of early exits. */
export function edgeNodes(model: Model, plan: Plan): readonly string[] {
  if (plan.early === undefined) return plan.head;
  const { asks } = headRunOf(model, plan);
  return [...new Set([...plan.head, ...asks.flatMap(({ segment }) => segment.nodes)])];
}

/** The same, with the encoders of the learned codecs that its tensors travel by. */
export function everyEdgeNode(model: Model, plan: Plan): readonly string[] {
  return [...edgeNodes(model, plan), ...detoursOf(model, plan).flatMap(({ encoder }) => encoder.nodes)];
}
