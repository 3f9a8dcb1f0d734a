import type { ExitCosts } from "#shared/evaluator";
import { FlowNetwork } from "#shared/graph";
import type { Conditions } from "#shared/model";

/** A stretch between adjacent cut vertices of an exit's DAG. */
export interface BlockEnds {
  readonly start: number;
  readonly end: number;
}

/**
 * The best head that ends inside a block, as a minimum cut between s (edge) and t (cloud) over the block's
 * inner nodes; its start is in the head, its end in the tail.
 *
 * - `s -> v`: v's time in the cloud; `v -> t`: v's time on the edge, infinite where it cannot run.
 * - u with one reader: `u -> reader` = transfer of u's tensor. With several: a twin u' with `u -> u'` = the
 *   transfer and `u' -> reader` infinite, so that it is paid once. With the block's end among its readers the
 *   tensor crosses whenever u is in the head: its transfer joins `u -> t`.
 * - `reader -> u` infinite: nothing flows back. Without it the cut lies whenever a later node is slower in the
 *   cloud (DADS, INFOCOM 2019, has no such arcs; LITERATURE section 3).
 */
export class BlockCut implements BlockEnds {
  readonly start: number;
  readonly end: number;
  private readonly costs: ExitCosts;
  private readonly ready: readonly boolean[];
  private readonly startMayCross: boolean;
  private readonly kept: Uint8Array;
  /** Most blocks are never worth one: it is built when it is first solved. */
  private built: BlockNetwork | null = null;

  /**
   * @param ready       by node: whether the edge can run it
   * @param noRawUpload whether the image may not cross
   */
  constructor(costs: ExitCosts, { start, end }: BlockEnds, ready: readonly boolean[], noRawUpload: boolean) {
    this.costs = costs;
    this.start = start;
    this.end = end;
    this.ready = ready;
    this.startMayCross = start > 0 || !noRawUpload;
    this.kept = new Uint8Array(end - start - 1);
  }

  /** No inner head costs less: every node where it is faster, and the cheapest tensor across. */
  boundMs(conditions: Conditions): number {
    const { edgeScale, cloudScale } = conditions;
    const { edgeMs, cloudMs } = this.costs;
    let ms = 0;
    let transferMs = this.transferMs(this.start, conditions);
    for (let node = this.start + 1; node < this.end; node++) {
      ms += Math.min(edgeScale * edgeMs[node]!, cloudScale * cloudMs[node]!);
      transferMs = Math.min(transferMs, this.transferMs(node, conditions));
    }
    return ms + transferMs;
  }

  /** @returns what the inner nodes and the tensors across cost; `Infinity` when no inner head is allowed */
  solve(conditions: Conditions): number {
    const { edgeScale, cloudScale } = conditions;
    const { edgeMs, cloudMs } = this.costs;
    this.built ??= buildNetwork(this.costs, this);
    const { start } = this;
    const { network, forward, holdsBack, feedsEnd, startTwin } = this.built;
    const { capacity, fromSource, toSink } = network;
    fromSource.fill(0);
    toSink.fill(0);
    for (let node = start + 1; node < this.end; node++) {
      const vertex = node - start - 1;
      const crossing = feedsEnd[vertex] === 1 ? this.transferMs(node, conditions) : 0;
      fromSource[vertex] = cloudScale * cloudMs[node]!;
      toSink[vertex] = this.ready[node] ? edgeScale * edgeMs[node]! + crossing : Infinity;
    }
    for (let pair = 0; pair < forward.length; pair++) {
      const carries = forward[pair]!;
      capacity[2 * pair] =
        carries >= 0 ? this.transferMs(carries, conditions) : carries === -1 ? 0 : Infinity;
      capacity[2 * pair + 1] = holdsBack[pair] === 1 ? Infinity : 0;
    }
    const startMs = this.startMayCross ? this.transferMs(start, conditions) : Infinity;
    if (startTwin < 0) return startMs + network.solve();
    fromSource[startTwin] = startMs;
    return network.solve();
  }

  /** Remembers the head that `solve` has found. */
  keep(): void {
    const { network } = this.built!;
    for (let vertex = 0; vertex < this.kept.length; vertex++) {
      this.kept[vertex] = Number(network.isSourceSide(vertex));
    }
  }

  /** The head that was kept: membership by node, so many nodes in all. */
  head(count: number): readonly boolean[] {
    return Array.from({ length: count }, (_, node) => {
      if (node <= this.start) return true;
      return node < this.end && this.kept[node - this.start - 1] === 1;
    });
  }

  private transferMs(node: number, { edgeScale, cloudScale, uplinkBps }: Conditions): number {
    const { edgeCutMs, cloudCutMs, wireBytes } = this.costs;
    const ends = edgeScale * edgeCutMs[node]! + cloudScale * cloudCutMs[node]!;
    return ends + (8000 * wireBytes[node]!) / uplinkBps;
  }
}

interface BlockNetwork {
  readonly network: FlowNetwork;
  /** By pair of the network: the node whose transfer it carries forward, else -1 (0) or -2 (infinite). */
  readonly forward: Int32Array;
  /** By pair: whether what it carries back is infinite. */
  readonly holdsBack: Uint8Array;
  /** By inner node: whether the block's end reads it. */
  readonly feedsEnd: Uint8Array;
  /** The twin of the start; -1 when the block's end reads the start: its tensor crosses anyway. */
  readonly startTwin: number;
}

function buildNetwork({ dag: { successors } }: ExitCosts, { start, end }: BlockEnds): BlockNetwork {
  const inner = end - start - 1;
  const pairs: number[] = [];
  const forward: number[] = [];
  const holdsBack: number[] = [];
  const add = (from: number, to: number, carries: number, back: boolean): void => {
    pairs.push(from, to);
    forward.push(carries);
    holdsBack.push(Number(back));
  };
  const vertex = (node: number): number => node - start - 1;
  let vertices = inner;
  const feedsEnd = new Uint8Array(inner);
  for (let node = start + 1; node < end; node++) {
    const readers = successors[node]!;
    if (readers.includes(end)) {
      feedsEnd[vertex(node)] = 1;
      for (const reader of readers) if (reader !== end) add(vertex(node), vertex(reader), -1, true);
    } else if (readers.length === 1) {
      add(vertex(node), vertex(readers[0]!), node, true);
    } else {
      const twin = vertices++;
      add(vertex(node), twin, node, false);
      for (const reader of readers) {
        add(twin, vertex(reader), -2, false);
        add(vertex(node), vertex(reader), -1, true);
      }
    }
  }
  const startTwin = successors[start]!.includes(end) ? -1 : vertices++;
  if (startTwin >= 0) for (const reader of successors[start]!) add(startTwin, vertex(reader), -2, false);
  return {
    network: new FlowNetwork(vertices, pairs),
    forward: Int32Array.from(forward),
    holdsBack: Uint8Array.from(holdsBack),
    feedsEnd,
    startTwin,
  };
}
