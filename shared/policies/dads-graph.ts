import type { ExitCosts } from "#shared/evaluator";
import { FlowNetwork } from "#shared/graph";

/** The weights of a cut: milliseconds by edge time, by byte on the wire, by cloud time. */
export interface CutWeights {
  readonly edge: number;
  readonly msPerByte: number;
  readonly cloud: number;
}

/**
 * DADS' flow network of an exit's DAG (INFOCOM 2019, section IV): s -> v carries v's time in the cloud, v -> t its
 * time on the edge, v -> v' its transfer once for all readers, v' -> reader is infinite. The input is pinned to the
 * edge: the text does not say so, but its results pay for uploads.
 */
export class DadsGraph {
  private readonly costs: ExitCosts;
  private readonly isClosed: boolean;
  private readonly network: FlowNetwork;
  /** By pair: the node whose transfer it carries; -1 where it is infinite, or carries nothing but back. */
  private readonly transfer: readonly number[];

  /** @param isClosed whether nothing may flow back from cloud to edge: the paper lists no such arcs */
  constructor(costs: ExitCosts, isClosed: boolean) {
    const { successors } = costs.dag;
    const count = successors.length;
    const pairs: number[] = [];
    const transfer: number[] = [];
    for (let node = 0; node < count - 1; node++) {
      pairs.push(node, count + node);
      transfer.push(node);
      for (const reader of successors[node]!) {
        pairs.push(count + node, reader);
        transfer.push(-1);
        // The pair's way back is what forbids: reader -> node.
        if (!isClosed) continue;
        pairs.push(reader, node);
        transfer.push(-1);
      }
    }
    this.costs = costs;
    this.isClosed = isClosed;
    this.network = new FlowNetwork(2 * count, pairs);
    this.transfer = transfer;
  }

  /** The nodes on the edge's side of a minimum cut; without the arcs back perhaps no closed head. */
  cut({ edge, msPerByte, cloud }: CutWeights): readonly boolean[] {
    const { costs, network, transfer } = this;
    const { names } = costs.dag;
    const { fromSource, toSink, capacity } = network;
    fromSource.fill(0);
    toSink.fill(0);
    for (const [node] of names.entries()) {
      fromSource[node] = node === 0 ? Number.POSITIVE_INFINITY : cloud * costs.cloudMs[node]!;
      toSink[node] = node === 0 ? 0 : edge * costs.edgeMs[node]!;
    }
    for (const [pair, node] of transfer.entries()) {
      const { edgeCutMs, cloudCutMs, wireBytes } = costs;
      capacity[2 * pair] =
        node < 0
          ? Number.POSITIVE_INFINITY
          : msPerByte * wireBytes[node]! + edge * edgeCutMs[node]! + cloud * cloudCutMs[node]!;
      capacity[2 * pair + 1] = 0;
    }
    network.solve();
    return names.map((_, node) => network.isSourceSide(node));
  }

  /** The largest head within those nodes that is closed under predecessors. */
  closed(side: readonly boolean[]): readonly boolean[] {
    if (this.isClosed) return side;
    const { predecessors } = this.costs.dag;
    const head: boolean[] = [];
    for (const [node, inside] of side.entries()) {
      head.push(inside && predecessors[node]!.every((from) => head[from]));
    }
    return head;
  }
}
