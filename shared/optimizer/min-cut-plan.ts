import { type ExitCosts, type Latency, latencyOf } from "#shared/evaluator";
import { cutVertices } from "#shared/graph";
import type { Conditions } from "#shared/model";
import { BlockCut } from "./block-cut.ts";
import type { Constraints } from "./constraints.ts";

/** A head and its expected latency. */
export interface HeadPlan {
  /** Membership by node of the exit's DAG. */
  readonly head: readonly boolean[];
  readonly latency: Latency;
}

/** The head of least expected latency for an exit, exactly. Built once, it plans for any conditions. */
export function minCutPlan(
  costs: ExitCosts,
  conditions: Conditions,
  constraints: Constraints = {},
): HeadPlan | null {
  return new MinCutPlanner(costs, constraints).plan(conditions);
}

/**
 * Plans an exit by minimum cuts, one for each block that can still win.
 *
 * An optimal head ends inside one block between adjacent cut vertices, since nothing flows back: everything
 * before the block is in it, everything after is not. So the best of the cut vertices' own heads and of every
 * block's best inner head (`BlockCut`) is the optimum. A block whose lower bound is no better than what was
 * found already is passed over.
 *
 * Two costs are not additive: what a remote plan pays at all (RTT, queue, result) and what a computing head
 * pays at all. Each is the same for all heads but all-edge and all-cloud, which are compared by themselves. On
 * a tie the head with less on the network wins: all-edge first, else the earlier one.
 */
export class MinCutPlanner {
  private readonly costs: ExitCosts;
  /** Cut vertices, rising; the first is the image, the last the exit's node. */
  private readonly vertices: readonly number[];
  /** Edge time of the nodes up to one, by node; without fixed costs. */
  private readonly edgeTo: Float64Array;
  /** Cloud time of the nodes behind one, by node; without fixed costs. */
  private readonly cloudAfter: Float64Array;
  private readonly blocks: readonly BlockCut[];
  private readonly mayCutImage: boolean;
  private readonly isOffline: boolean;
  /** Whether the edge can run everything. */
  private readonly isReady: boolean;

  constructor(costs: ExitCosts, constraints: Constraints = {}) {
    const { dag, edgeMs, cloudMs } = costs;
    const count = dag.names.length;
    const { readyNodes, noRawUpload = false, offline = false } = constraints;
    const ready = dag.names.map((name, node) => node === 0 || (readyNodes?.has(name) ?? true));
    this.costs = costs;
    this.isOffline = offline;
    this.mayCutImage = !noRawUpload;
    this.isReady = ready.every(Boolean);
    this.edgeTo = new Float64Array(count);
    this.cloudAfter = new Float64Array(count);
    for (let node = 0; node < count; node++) {
      this.edgeTo[node] = edgeMs[node]! + (node > 0 ? this.edgeTo[node - 1]! : 0);
    }
    for (let node = count - 2; node >= 0; node--) {
      this.cloudAfter[node] = this.cloudAfter[node + 1]! + cloudMs[node + 1]!;
    }
    const vertices = cutVertices(dag);
    // A head that ends at a cut vertex holds all nodes before it.
    const firstMissing = ready.indexOf(false);
    const limit = firstMissing < 0 ? count : firstMissing;
    this.vertices = vertices.filter((vertex) => vertex < limit);
    const reachable = this.vertices.flatMap((start, at) => {
      const end = vertices[at + 1];
      return end === undefined ? [] : [{ start, end }];
    });
    this.blocks = reachable
      .filter((block) => block.end - block.start > 1)
      .map((block) => new BlockCut(costs, block, ready, noRawUpload));
  }

  /** @returns null when the constraints leave no head */
  plan(conditions: Conditions): HeadPlan | null {
    const { costs } = this;
    const { names } = costs.dag;
    let best: HeadPlan | null = null;
    const offer = (head: readonly boolean[]): void => {
      const latency = latencyOf(costs, head, conditions);
      // What the cloud has no tail for is sent for ever.
      if (latency.uplinkMs === Infinity) return;
      if (best === null || latency.totalMs < best.latency.totalMs) best = { head, latency };
    };
    if (this.isReady) offer(names.map(() => true));
    if (this.isOffline) return best;
    if (this.mayCutImage) offer(names.map((_, node) => node === 0));
    const vertex = this.bestVertex(conditions);
    let leastMs = Infinity;
    if (vertex !== null) {
      leastMs = this.vertexMs(vertex, conditions);
      offer(names.map((_, node) => node <= vertex));
    }
    let found: BlockCut | null = null;
    for (const block of this.blocks) {
      const outsideMs = this.outsideMs(block, conditions);
      if (outsideMs + block.boundMs(conditions) >= leastMs) continue;
      const ms = outsideMs + block.solve(conditions);
      if (ms >= leastMs) continue;
      leastMs = ms;
      found = block;
      block.keep();
    }
    if (found !== null) offer(found.head(names.length));
    return best;
  }

  /** The best computing head that ends at a cut vertex but not at the exit's node; null if there is none. */
  private bestVertex(conditions: Conditions): number | null {
    const { vertices } = this;
    const last = this.costs.dag.names.length - 1;
    let best: number | null = null;
    let leastMs = Infinity;
    for (let at = 1; at < vertices.length; at++) {
      const vertex = vertices[at]!;
      if (vertex === last) break;
      const ms = this.vertexMs(vertex, conditions);
      if (ms >= leastMs) continue;
      leastMs = ms;
      best = vertex;
    }
    return best;
  }

  /** What the head that ends at a cut vertex costs, but for what every remote plan with a computing head pays. */
  private vertexMs(vertex: number, { edgeScale, cloudScale, uplinkBps }: Conditions): number {
    const { edgeCutMs, cloudCutMs, wireBytes } = this.costs;
    const edge = this.edgeTo[vertex]! + edgeCutMs[vertex]!;
    const cloud = this.cloudAfter[vertex]! + cloudCutMs[vertex]!;
    return edgeScale * edge + cloudScale * cloud + (8000 * wireBytes[vertex]!) / uplinkBps;
  }

  /** The same for what lies before and behind a block. */
  private outsideMs({ start, end }: BlockCut, { edgeScale, cloudScale }: Conditions): number {
    return edgeScale * this.edgeTo[start]! + cloudScale * (this.cloudAfter[end]! + this.costs.cloudMs[end]!);
  }
}
