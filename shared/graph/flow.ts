/**
 * A flow network whose structure is built once and solved for many capacities: minimum s-t cuts by Dinic's
 * algorithm (1970) over flat arrays, without allocation.
 *
 * Source and sink are no vertices: every vertex has a capacity from the source and one to the sink. Arcs come
 * in pairs, one for each direction between two vertices. Capacities are 0 or above, `Infinity` allowed.
 *
 * Terminates for real capacities too: every augmentation subtracts an arc's own residual from it, leaving
 * exactly 0, so rounding never keeps an arc open.
 */
export class FlowNetwork {
  readonly vertices: number;
  /** By vertex: capacity from the source, and to the sink. Write before `solve`, which uses them up. */
  readonly fromSource: Float64Array;
  readonly toSink: Float64Array;
  /** Capacities of pair `p`: `2p` from its first vertex to its second, `2p + 1` back. Used up likewise. */
  readonly capacity: Float64Array;
  /** Arcs that leave vertex `v`: `arcs[first[v]]` to `arcs[first[v + 1] - 1]`. */
  private readonly first: Int32Array;
  private readonly arcs: Int32Array;
  /** By arc: the vertex that it enters. */
  private readonly to: Int32Array;
  /** Distance to the sink, -1 where nothing leads there; after `solve` what `isSourceSide` asks. */
  private readonly level: Int32Array;
  private readonly queue: Int32Array;
  /** By vertex: the position in `arcs` to go on from. */
  private readonly current: Int32Array;
  private readonly path: Int32Array;

  /** @param pairs vertices of every pair: `[from, to, from, to, ...]` */
  constructor(vertices: number, pairs: ArrayLike<number>) {
    const count = pairs.length;
    this.vertices = vertices;
    this.fromSource = new Float64Array(vertices);
    this.toSink = new Float64Array(vertices);
    this.capacity = new Float64Array(count);
    this.first = new Int32Array(vertices + 1);
    this.arcs = new Int32Array(count);
    this.to = new Int32Array(count);
    this.level = new Int32Array(vertices);
    this.queue = new Int32Array(vertices);
    this.current = new Int32Array(vertices);
    this.path = new Int32Array(vertices);
    // Arc 2p leaves pairs[2p], arc 2p + 1 leaves pairs[2p + 1]: each arc leaves `pairs[arc]`.
    for (let arc = 0; arc < count; arc++) {
      this.to[arc] = pairs[arc ^ 1]!;
      this.first[pairs[arc]! + 1]!++;
    }
    for (let vertex = 0; vertex < vertices; vertex++) this.first[vertex + 1]! += this.first[vertex]!;
    const next = this.first.slice();
    for (let arc = 0; arc < count; arc++) this.arcs[next[pairs[arc]!]!++] = arc;
  }

  /**
   * Finds a minimum cut.
   *
   * @returns its capacity; `Infinity` when every cut holds an infinite arc
   */
  solve(): number {
    const { vertices, level, fromSource } = this;
    let value = this.cancel();
    while (value < Infinity && this.layer()) {
      for (let vertex = 0; vertex < vertices && value < Infinity; vertex++) {
        if (fromSource[vertex]! > 0 && level[vertex]! > 0) value += this.push(vertex);
      }
    }
    this.markSourceSide();
    return value;
  }

  /** After `solve`: whether a vertex lies on the source's side. The smallest such side among minimum cuts. */
  isSourceSide(vertex: number): boolean {
    return this.level[vertex]! >= 0;
  }

  /** What flows from the source to a vertex and on to the sink needs no search. */
  private cancel(): number {
    const { fromSource, toSink } = this;
    let value = 0;
    for (let vertex = 0; vertex < this.vertices; vertex++) {
      const flow = Math.min(fromSource[vertex]!, toSink[vertex]!);
      if (flow === 0) continue;
      value += flow;
      if (flow === Infinity) return value;
      fromSource[vertex]! -= flow;
      toSink[vertex]! -= flow;
    }
    return value;
  }

  /**
   * Levels by breadth-first search over open arcs, backwards from the sink: no vertex of a level is a dead end. Paths go
   * down from any source vertex, not from the nearest ones alone: each of them is farther off in the next phase.
   *
   * @returns false when no source vertex leads to the sink
   */
  private layer(): boolean {
    const { first, arcs, to, level, queue, capacity, fromSource, toSink, current } = this;
    level.fill(-1);
    let end = 0;
    for (let vertex = 0; vertex < this.vertices; vertex++) {
      if (toSink[vertex]! <= 0) continue;
      level[vertex] = 1;
      queue[end++] = vertex;
    }
    let isOpen = false;
    for (let head = 0; head < end; head++) {
      const vertex = queue[head]!;
      const next = level[vertex]! + 1;
      if (fromSource[vertex]! > 0) isOpen = true;
      current[vertex] = first[vertex]!;
      for (let at = first[vertex]!; at < first[vertex + 1]!; at++) {
        const arc = arcs[at]!;
        const other = to[arc]!;
        if (level[other]! >= 0 || capacity[arc ^ 1] === 0) continue;
        level[other] = next;
        queue[end++] = other;
      }
    }
    return isOpen;
  }

  /** Levels of 0 for all that the source still reaches, -1 for all else. */
  private markSourceSide(): void {
    const { first, arcs, to, level, queue, capacity, fromSource } = this;
    level.fill(-1);
    let end = 0;
    for (let vertex = 0; vertex < this.vertices; vertex++) {
      if (fromSource[vertex]! <= 0) continue;
      level[vertex] = 0;
      queue[end++] = vertex;
    }
    for (let head = 0; head < end; head++) {
      const vertex = queue[head]!;
      for (let at = first[vertex]!; at < first[vertex + 1]!; at++) {
        const arc = arcs[at]!;
        const other = to[arc]!;
        if (level[other]! >= 0 || capacity[arc] === 0) continue;
        level[other] = 0;
        queue[end++] = other;
      }
    }
  }

  /** Saturates the shortest paths that begin at a vertex. With an explicit path: graphs may be deep. */
  private push(start: number): number {
    const { first, arcs, to, level, capacity, fromSource, toSink, current, path } = this;
    let total = 0;
    let depth = 0;
    let vertex = start;
    while (fromSource[start]! > 0) {
      if (toSink[vertex]! > 0) {
        let flow = Math.min(fromSource[start]!, toSink[vertex]!);
        for (let at = 0; at < depth; at++) flow = Math.min(flow, capacity[path[at]!]!);
        if (flow === Infinity) return Infinity;
        total += flow;
        fromSource[start]! -= flow;
        toSink[vertex]! -= flow;
        let full = depth;
        for (let at = depth - 1; at >= 0; at--) {
          const arc = path[at]!;
          capacity[arc]! -= flow;
          capacity[arc ^ 1]! += flow;
          if (capacity[arc] === 0) full = at;
        }
        // Go back to the tail of the first arc that is now full.
        if (full < depth) {
          vertex = to[path[full]! ^ 1]!;
          depth = full;
        }
        continue;
      }
      const end = first[vertex + 1]!;
      let at = current[vertex]!;
      while (at < end) {
        const arc = arcs[at]!;
        if (capacity[arc]! > 0 && level[to[arc]!] === level[vertex]! - 1) break;
        at++;
      }
      current[vertex] = at;
      if (at < end) {
        path[depth++] = arcs[at]!;
        vertex = to[arcs[at]!]!;
        continue;
      }
      // A dead end: leave it for good.
      if (depth === 0) break;
      vertex = to[path[--depth]! ^ 1]!;
      current[vertex]!++;
    }
    return total;
  }
}
