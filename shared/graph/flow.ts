/** An arc of a flow network; capacities are 0 or above, `Infinity` allowed. */
export interface FlowArc {
  readonly from: number;
  readonly to: number;
  readonly capacity: number;
}

export interface MinCut {
  /** Capacity of the minimum cut; `Infinity` when every cut holds an infinite arc. */
  readonly value: number;
  /** By vertex: whether it lies on the source's side. The smallest such side among minimum cuts. */
  readonly sourceSide: readonly boolean[];
}

/**
 * Minimum s-t cut by Dinic's algorithm (1970). Terminates for real capacities too: every augmentation
 * subtracts an arc's own residual from it, leaving exactly 0, so rounding never keeps an arc open.
 *
 * Invariant: flow is conserved at every vertex but source and sink, and residuals are never negative.
 *
 * @param vertices number of vertices, named 0..vertices-1
 * @returns with value `Infinity` there is no cut: the source's side is then what infinite arcs alone reach
 */
export function minCut(vertices: number, arcs: readonly FlowArc[], source: number, sink: number): MinCut {
  const network = buildNetwork(vertices, arcs);
  const bound = reach(network, source, (residual) => residual === Infinity);
  if (bound[sink]! >= 0) return { value: Infinity, sourceSide: Array.from(bound, (l) => l >= 0) };
  let value = 0;
  for (;;) {
    const level = reach(network, source, (residual) => residual > 0);
    if (level[sink]! < 0) return { value, sourceSide: Array.from(level, (l) => l >= 0) };
    value += blockingFlow(network, level, source, sink);
  }
}

/** Arcs in pairs: arc `a` and its reverse `a ^ 1`, in linked lists by tail. */
interface Network {
  readonly first: Int32Array;
  readonly next: Int32Array;
  readonly to: Int32Array;
  readonly residual: Float64Array;
}

function buildNetwork(vertices: number, arcs: readonly FlowArc[]): Network {
  const first = new Int32Array(vertices).fill(-1);
  const next = new Int32Array(2 * arcs.length);
  const to = new Int32Array(2 * arcs.length);
  const residual = new Float64Array(2 * arcs.length);
  arcs.forEach((arc, at) => {
    const forward = 2 * at;
    to[forward] = arc.to;
    residual[forward] = arc.capacity;
    next[forward] = first[arc.from]!;
    first[arc.from] = forward;
    to[forward + 1] = arc.from;
    next[forward + 1] = first[arc.to]!;
    first[arc.to] = forward + 1;
  });
  return { first, next, to, residual };
}

/** Breadth-first distance from the source over open arcs, -1 where none leads. */
function reach(network: Network, source: number, isOpen: (residual: number) => boolean): Int32Array {
  const { first, next, to, residual } = network;
  const level = new Int32Array(first.length).fill(-1);
  const queue = [source];
  level[source] = 0;
  for (let head = 0; head < queue.length; head++) {
    const vertex = queue[head]!;
    for (let arc = first[vertex]!; arc >= 0; arc = next[arc]!) {
      const other = to[arc]!;
      if (level[other]! >= 0 || !isOpen(residual[arc]!)) continue;
      level[other] = level[vertex]! + 1;
      queue.push(other);
    }
  }
  return level;
}

/** Saturates every shortest path. Walks with an explicit path: deep graphs must not overflow the stack. */
function blockingFlow(network: Network, level: Int32Array, source: number, sink: number): number {
  const { next, to, residual } = network;
  const current = network.first.slice();
  const path: number[] = [];
  let total = 0;
  for (let vertex = source; ; ) {
    if (vertex === sink) {
      const flow = Math.min(...path.map((arc) => residual[arc]!));
      total += flow;
      for (const arc of path) {
        residual[arc] = residual[arc]! - flow;
        residual[arc ^ 1] = residual[arc ^ 1]! + flow;
      }
      // Go back to the tail of the first arc that is now full.
      const full = path.findIndex((arc) => residual[arc]! <= 0);
      vertex = to[path[full]! ^ 1]!;
      path.length = full;
    }
    let arc = current[vertex]!;
    while (arc >= 0 && !(residual[arc]! > 0 && level[to[arc]!] === level[vertex]! + 1)) arc = next[arc]!;
    current[vertex] = arc;
    if (arc >= 0) {
      path.push(arc);
      vertex = to[arc]!;
      continue;
    }
    // A dead end: leave it for good.
    const last = path.pop();
    if (last === undefined) return total;
    vertex = to[last ^ 1]!;
    current[vertex] = next[last]!;
  }
}
