import { EddiError } from "#shared/errors";

/** A directed acyclic graph. Nodes are indices 0..n-1 in a topological order: every arc rises. */
export interface Dag {
  readonly names: readonly string[];
  readonly predecessors: readonly (readonly number[])[];
  readonly successors: readonly (readonly number[])[];
}

/**
 * Builds a DAG; its nodes are sorted topologically, stable with respect to the order given (Kahn).
 *
 * @param arcs `[from, to]` by name; repeated arcs count once
 * @throws EddiError `bad-model` for a duplicate name, an unknown name or a cycle
 */
export function buildDag(names: readonly string[], arcs: readonly (readonly [string, string])[]): Dag {
  const given = new Map<string, number>();
  for (const name of names) {
    if (given.has(name)) throw new EddiError("bad-model", `node ${name}: expected a unique name, got two`);
    given.set(name, given.size);
  }
  const position = (name: string, arc: readonly [string, string]): number => {
    const index = given.get(name);
    if (index === undefined) {
      throw new EddiError("bad-model", `arc ${arc.join(" -> ")}: expected known nodes, got ${name}`);
    }
    return index;
  };
  const outgoing = names.map(() => new Set<number>());
  const waiting = names.map(() => 0);
  for (const arc of arcs) {
    const from = position(arc[0], arc);
    const to = position(arc[1], arc);
    if (outgoing[from]!.has(to)) continue;
    outgoing[from]!.add(to);
    waiting[to]!++;
  }

  const order = topologicalOrder(outgoing, waiting);
  if (order.length < names.length) {
    const stuck = names.filter((_, index) => waiting[index]! > 0);
    throw new EddiError("bad-model", `expected a DAG, got a cycle among ${stuck.slice(0, 5).join(", ")}`);
  }
  const rank = new Array<number>(names.length);
  order.forEach((index, at) => {
    rank[index] = at;
  });
  const successors = order.map((index) => [...outgoing[index]!].map((to) => rank[to]!).sort((a, b) => a - b));
  const predecessors = order.map((): number[] => []);
  successors.forEach((list, from) => {
    for (const to of list) predecessors[to]!.push(from);
  });
  return { names: order.map((index) => names[index]!), predecessors, successors };
}

/** Kahn's algorithm, always taking the first free node in the order given. Empties `waiting`. */
function topologicalOrder(outgoing: readonly ReadonlySet<number>[], waiting: number[]): number[] {
  const free = new MinHeap();
  waiting.forEach((count, index) => {
    if (count === 0) free.push(index);
  });
  const order: number[] = [];
  for (let next = free.pop(); next !== undefined; next = free.pop()) {
    order.push(next);
    for (const to of outgoing[next]!) {
      waiting[to]!--;
      if (waiting[to] === 0) free.push(to);
    }
  }
  return order;
}

class MinHeap {
  private readonly items: number[] = [];

  push(value: number): void {
    const items = this.items;
    let at = items.length;
    items.push(value);
    while (at > 0 && items[(at - 1) >> 1]! > value) {
      items[at] = items[(at - 1) >> 1]!;
      at = (at - 1) >> 1;
    }
    items[at] = value;
  }

  pop(): number | undefined {
    const items = this.items;
    const top = items[0];
    const last = items.pop();
    if (items.length === 0 || last === undefined) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && items[child + 1]! < items[child]!) child++;
      if (items[child]! >= last) break;
      items[at] = items[child]!;
      at = child;
    }
    items[at] = last;
    return top;
  }
}

/** The nodes from which `target` can be reached, itself included, as a membership array. */
export function ancestors(dag: Dag, target: number): readonly boolean[] {
  const member = dag.names.map(() => false);
  member[target] = true;
  for (let node = target; node >= 0; node--) {
    if (!member[node]) continue;
    for (const from of dag.predecessors[node]!) member[from] = true;
  }
  return member;
}

/** The DAG of the nodes for which `keep` holds, in the same order. */
export function subgraph(dag: Dag, keep: readonly boolean[]): Dag {
  const rank = new Map<number, number>();
  dag.names.forEach((_, node) => {
    if (keep[node]) rank.set(node, rank.size);
  });
  const kept = [...rank.keys()];
  const map = (list: readonly number[]): number[] => list.filter((n) => keep[n]).map((n) => rank.get(n)!);
  return {
    names: kept.map((node) => dag.names[node]!),
    predecessors: kept.map((node) => map(dag.predecessors[node]!)),
    successors: kept.map((node) => map(dag.successors[node]!)),
  };
}
