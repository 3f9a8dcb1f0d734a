import { ancestors, blocks, cutVertices, subgraph } from "#shared/graph";
import { elementCount, type Model, type Segment, splitPlan } from "#shared/model";
import type { Role } from "./role.ts";

/** A segment to time, and the sample it is for. */
export interface Measurement {
  readonly exit: string;
  /** A cut vertex of the exit's DAG; of what starts inside, any node. */
  readonly at: string;
  /** Set for a segment inside a block: the cut vertex that it starts after. */
  readonly from?: string;
  /** Computes nothing at the input (heads) or at the exit's node (tails): the fixed cost of a call. */
  readonly segment: Segment;
}

/**
 * What to time for a profile. For heads: the head that ends at each cut vertex of each exit's DAG; a head
 * that several exits share is measured once, for the latest of them. For tails: what follows each cut
 * vertex up to each exit.
 *
 * Prefixes and suffixes, not nodes: sums of separately timed nodes mislead (PORTEND; LITERATURE section 4).
 */
export function measurePlan(model: Model, role: Role): readonly Measurement[] {
  const shared = new Set<string>();
  return model.metadata.exits.toReversed().flatMap((exit) => {
    const dag = subgraph(model.dag, ancestors(model.dag, model.dag.names.indexOf(exit.node)));
    return cutVertices(dag).flatMap((vertex): Measurement[] => {
      const at = dag.names[vertex]!;
      if (role === "head" && shared.has(at)) return [];
      shared.add(at);
      const { head, tail } = splitPlan(model, { exit: exit.id, head: dag.names.slice(0, vertex + 1) });
      const nothing: Segment = { nodes: [], feeds: [at], outputs: [at] };
      return [{ exit: exit.id, at, segment: role === "head" ? head : (tail ?? nothing) }];
    });
  });
}

/**
 * Of the measure plan what can be best for latency on a device that is no faster than the cloud: the ends, and cut
 * vertices whose tensor is smaller than every one before. A cut at another vertex computes more here and sends no
 * less than one before it. Times of nodes between follow from their analytic work.
 */
export function winningPlan(model: Model, role: Role): readonly Measurement[] {
  const winners = new Map(
    model.metadata.exits.map(({ id, node }): [string, ReadonlySet<string>] => {
      const dag = subgraph(model.dag, ancestors(model.dag, model.dag.names.indexOf(node)));
      let least = Number.POSITIVE_INFINITY;
      const smaller = cutVertices(dag).filter((vertex) => {
        const elements = elementCount(model.metadata.tensors[dag.names[vertex]!]!.shape);
        const isSmaller = elements < least;
        least = Math.min(least, elements);
        return isSmaller;
      });
      return [id, new Set([...smaller.map((vertex) => dag.names[vertex]!), node])];
    }),
  );
  return measurePlan(model, role).filter(({ exit, at }) => winners.get(exit)!.has(at));
}

/**
 * What to time to know how the nodes of a block share its time: from the cut vertex before the block to each
 * of its nodes, and to itself for the cost of a call. Blocks of one node have nothing to share.
 */
export function insidePlan(model: Model): readonly Measurement[] {
  const taken = new Set<string>();
  return model.metadata.exits.toReversed().flatMap((exit) => {
    const dag = subgraph(model.dag, ancestors(model.dag, model.dag.names.indexOf(exit.node)));
    return blocks(dag).flatMap(({ after, nodes }): Measurement[] => {
      const fresh = nodes.filter((node) => !taken.has(dag.names[node]!));
      for (const node of fresh) taken.add(dag.names[node]!);
      if (fresh.length < 2 || fresh.length < nodes.length) return [];
      const from = dag.names[after]!;
      return [after, ...nodes].map((node): Measurement => {
        const needed = ancestors(dag, node);
        const at = dag.names[node]!;
        const inside = nodes.filter((one) => needed[one]).map((one) => dag.names[one]!);
        return { exit: exit.id, at, from, segment: { nodes: inside, feeds: [from], outputs: [at] } };
      });
    });
  });
}
