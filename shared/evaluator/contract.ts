import {
  type Block,
  blocks,
  closedHeads,
  type Dag,
  type Reaches,
  reachability,
  subgraph,
} from "#shared/graph";
import type { ExitCosts } from "./exit-costs.ts";

/**
 * What a contraction preserves: the least of which measures of a plan.
 *
 * - `latency`: mean latencies, a * edge ms + b * cloud ms + w * bytes + constants, for any a, b, w of 0 or above.
 * - `any`: whatever does not fall when edge ms, cloud ms or bytes rise: periods and quantiles too.
 */
export type Measure = "latency" | "any";

export interface ContractOptions {
  readonly for: Measure;
  /** Blocks with more closed heads than this are not enumerated (default 256). */
  readonly maxHeads?: number;
}

/** A smaller problem with the same optimum. */
export interface Contraction {
  /** A node bears the name, and has the tensor, of the last node that it stands for; node 0 is the input alone. */
  readonly costs: ExitCosts;
  /** By node: the nodes of the original DAG that it stands for, rising. */
  readonly members: readonly (readonly number[])[];
}

/**
 * Contracts an exit's DAG exactly: whatever the conditions, one of the best heads stays a head.
 *
 * A head H is a point (edge ms, cloud ms, bytes), the costs of its cut included, and every measure is monotone
 * in it. The one operation merges a node u into its only reader v: u's tensor can no longer be cut, and what
 * is lost are the heads that hold u but not v. It is done when each of these is no better than other heads,
 * which stay:
 *
 * - *Step*: the head without u, or the head with v too (`isNeedlessStep`).
 * - *Block*: other heads that end in the same block, or its two ends (`mergeInBlocks`).
 *
 * "No better" is by coordinates for `any`. For `latency` a mixture of two points suffices, theta * P + (1 -
 * theta) * Q <= H with theta in 0..1: a linear measure of the mixture is the mean of the two measures, so one
 * of them is no worse. A mixture is no plan: where a measure is convex, like the longest stage or a standard
 * deviation, H may be better than both ends. Constants never speak against it: a head that loses its last node
 * does without the edge's fixed cost, one that gains the exit's without the remote ones; only a head of the
 * input alone would get dearer by growing, so nothing is merged with the input.
 *
 * Each merge preserves the optimum of the DAG before it, hence all of them do; they go on until none is left.
 *
 * Costs may be Infinity where the user or missing weights forbid: `wireBytes` of the input under `noRawUpload`,
 * `edgeMs` of a node that the edge cannot run. Then what stays is the best permitted head, if there is one.
 */
export function contract(costs: ExitCosts, options: ContractOptions): Contraction {
  const graph = new Merging(costs);
  const reaches = reachability(costs.dag);
  do mergeSteps(graph, reaches, options.for);
  while (mergeInBlocks(graph, options));
  return graph.result();
}

/** The head of the original DAG that a head of the contracted one stands for. */
export function expandHead({ members }: Contraction, head: readonly boolean[]): readonly boolean[] {
  const expanded = new Array<boolean>(members.at(-1)!.at(-1)! + 1).fill(false);
  members.forEach((nodes, at) => {
    for (const node of nodes) expanded[node] = head[at]!;
  });
  return expanded;
}

/** Edge ms, cloud ms, bytes: of a head, or how they change from one head to another. */
type Point = readonly [number, number, number];

const NOTHING: Point = [0, 0, 0];

/** An ExitCosts whose nodes merge. A merged node goes by the last node that it stands for. */
class Merging {
  readonly costs: ExitCosts;
  readonly predecessors: readonly Set<number>[];
  readonly readers: readonly Set<number>[];
  readonly edgeMs: number[];
  readonly cloudMs: number[];
  private readonly mergedInto = new Map<number, number>();

  constructor(costs: ExitCosts) {
    this.costs = costs;
    this.predecessors = costs.dag.predecessors.map((from) => new Set(from));
    this.readers = costs.dag.successors.map((to) => new Set(to));
    this.edgeMs = [...costs.edgeMs];
    this.cloudMs = [...costs.cloudMs];
  }

  has(node: number): boolean {
    return !this.mergedInto.has(node);
  }

  /** Null for the input, which nothing is merged with, and for nodes of none or several readers. */
  onlyReader(node: number): number | null {
    const readers = this.readers[node]!;
    return node === 0 || readers.size !== 1 ? null : [...readers][0]!;
  }

  /** What cutting a node's tensor costs; nothing where nobody reads it. */
  cut(node: number): Point {
    if (this.readers[node]!.size === 0) return NOTHING;
    const { edgeCutMs, cloudCutMs, wireBytes } = this.costs;
    return [edgeCutMs[node]!, cloudCutMs[node]!, wireBytes[node]!];
  }

  /** No cycle can arise: every way from u leads through v. */
  mergeIntoReader(u: number, v: number): void {
    for (const from of this.predecessors[u]!) {
      this.readers[from]!.delete(u);
      this.readers[from]!.add(v);
      this.predecessors[v]!.add(from);
    }
    this.predecessors[v]!.delete(u);
    this.edgeMs[v]! += this.edgeMs[u]!;
    this.cloudMs[v]! += this.cloudMs[u]!;
    this.mergedInto.set(u, v);
  }

  dag(): { readonly dag: Dag; readonly kept: readonly number[] } {
    const { names } = this.costs.dag;
    const alive = names.map((_, node) => this.has(node));
    const rising = (nodes: ReadonlySet<number>): number[] => [...nodes].sort((a, b) => a - b);
    const whole = {
      names,
      predecessors: this.predecessors.map(rising),
      successors: this.readers.map(rising),
    };
    return { dag: subgraph(whole, alive), kept: names.map((_, node) => node).filter((node) => alive[node]) };
  }

  result(): Contraction {
    const { costs } = this;
    const { dag, kept } = this.dag();
    const pick = <T>(values: readonly T[]): T[] => kept.map((node) => values[node]!);
    const { wire } = costs;
    const standsIn = costs.dag.names.map((_, node) => node);
    // A node merges into a later one, so from the last to the first all is known.
    for (let node = standsIn.length - 1; node >= 0; node--) {
      standsIn[node] = standsIn[this.mergedInto.get(node) ?? node]!;
    }
    const members = new Map(kept.map((node): [number, number[]] => [node, []]));
    standsIn.forEach((into, node) => void members.get(into)!.push(node));
    return {
      costs: {
        ...costs,
        dag,
        edgeMs: pick(this.edgeMs),
        cloudMs: pick(this.cloudMs),
        wireBytes: pick(costs.wireBytes),
        edgeCutMs: pick(costs.edgeCutMs),
        cloudCutMs: pick(costs.cloudCutMs),
        ...(wire === undefined
          ? {}
          : { wire: { ...wire, codecs: pick(wire.codecs), loss: pick(wire.loss) } }),
      },
      members: [...members.values()],
    };
  }
}

/** Merges along needless steps until none is left. A merge changes only steps of nodes that share a neighbour. */
function mergeSteps(graph: Merging, reaches: Reaches, measure: Measure): void {
  const waiting = graph.readers.map((_, node) => node).filter((node) => graph.has(node));
  for (let u = waiting.pop(); u !== undefined; u = waiting.pop()) {
    const v = graph.has(u) ? graph.onlyReader(u) : null;
    if (v === null || !isNeedlessStep(graph, reaches, u, v, measure)) continue;
    graph.mergeIntoReader(u, v);
    waiting.push(v);
    for (const from of graph.predecessors[v]!) waiting.push(from, ...graph.readers[from]!);
    for (const reader of graph.readers[v]!) waiting.push(...graph.predecessors[reader]!);
  }
}

/**
 * Whether no head needs to end between a node u and its only reader v, by exchange. Let H hold u but not v.
 *
 * - *Back*: H without u is a head, as u has no other reader. Its cut loses u and gains at most those tensors
 *   that u reads and that were not in the cut: certainly in it were those with a reader that v reaches (v
 *   itself, for one), since H holds nothing that follows v.
 * - *On*: H with v is a head if everything else that v reads leads to u and so lies in H. Its cut gains v and
 *   loses u, and further each tensor that v reads and that else only u and nodes that lead to u read.
 *
 * Neither u's place in a chain nor the zero costs of a reshape are asked for; they are the common cases:
 * a node free on both sides with a tensor no larger than the one it reads, and a pair with edge(u) * cloud(v)
 * >= edge(v) * cloud(u) whose middle tensor is no smaller than those before and after.
 */
function isNeedlessStep(graph: Merging, reaches: Reaches, u: number, v: number, measure: Measure): boolean {
  const { predecessors, readers, edgeMs, cloudMs } = graph;
  const follows = (node: number): boolean => node === v || reaches(v, node);
  const leads = (node: number): boolean => node === u || reaches(node, u);
  const every = (nodes: ReadonlySet<number>, holds: (node: number) => boolean): boolean => {
    for (const node of nodes) if (!holds(node)) return false;
    return true;
  };

  const gained = [...predecessors[u]!].filter((from) => every(readers[from]!, (reader) => !follows(reader)));
  const back = sum(
    [-edgeMs[u]!, cloudMs[u]!, 0],
    minus(graph.cut(u)),
    ...gained.map((from) => graph.cut(from)),
  );
  if (!every(predecessors[v]!, leads)) return isNoBetter(NOTHING, [back], measure);

  const lost = [...predecessors[v]!].filter((from) =>
    every(readers[from]!, (reader) => reader === v || leads(reader)),
  );
  const on = sum([edgeMs[v]!, -cloudMs[v]!, 0], graph.cut(v), ...lost.map((from) => minus(graph.cut(from))));
  return isNoBetter(NOTHING, [back, on], measure);
}

/**
 * Merges inside blocks small enough to enumerate. A head that ends inside a block falls when another head of
 * the block is no worse in every coordinate or, for `latency`, a mixture of the block's ends is. Nodes merge
 * while none of the heads that stand parts them; where none stands, the block becomes one node.
 *
 * @returns whether anything merged
 */
function mergeInBlocks(graph: Merging, { for: measure, maxHeads = 256 }: ContractOptions): boolean {
  const { dag, kept } = graph.dag();
  let merged = false;
  for (const stretch of blocks(dag)) {
    if (stretch.nodes.length === 1) continue;
    const heads = headsOfBlock(dag, stretch, maxHeads);
    if (heads === null) continue;
    const block = [stretch.after, ...stretch.nodes].map((node) => kept[node]!);
    const standing = standingHeads(
      heads,
      heads.map((head) => pointOf(graph, block, head)),
      measure,
    );
    const at = new Map(block.map((node, index) => [node, index]));
    for (const u of block.slice(1).toReversed()) {
      const v = graph.onlyReader(u);
      const parts = (head: readonly boolean[]): boolean => head[at.get(u)!]! && !head[at.get(v!)!];
      if (v === null || !at.has(v) || standing.some(parts)) continue;
      graph.mergeIntoReader(u, v);
      merged = true;
    }
  }
  return merged;
}

/** The closed heads of a block and the vertex that it starts after, the largest first; null if too many. */
function headsOfBlock(
  dag: Dag,
  { after, nodes }: Block,
  maxHeads: number,
): readonly (readonly boolean[])[] | null {
  const end = nodes.at(-1)!;
  const inside = (list: readonly number[]): number[] =>
    list.filter((node) => node >= after && node <= end).map((node) => node - after);
  const own: Dag = {
    names: dag.names.slice(after, end + 1),
    predecessors: [[], ...nodes.map((node) => inside(dag.predecessors[node]!))],
    successors: [after, ...nodes].map((node) => inside(dag.successors[node]!)),
  };
  const heads: (readonly boolean[])[] = [];
  for (const head of closedHeads(own)) {
    if (heads.length === maxHeads) return null;
    heads.push(head);
  }
  return heads;
}

/** A head's point, beside what is the same for all heads that end in the block. */
function pointOf(graph: Merging, block: readonly number[], head: readonly boolean[]): Point {
  const inHead = new Set(block.filter((_, at) => head[at]));
  const parts = block.map((node, at): Point => {
    if (!head[at]) return [0, at === 0 ? 0 : graph.cloudMs[node]!, 0];
    const isCut = [...graph.readers[node]!].some((reader) => !inHead.has(reader));
    const own: Point = [at === 0 ? 0 : graph.edgeMs[node]!, 0, 0];
    return isCut ? sum(own, graph.cut(node)) : own;
  });
  return sum(...parts);
}

/** The heads that end inside a block and may be the only best one. */
function standingHeads(
  heads: readonly (readonly boolean[])[],
  points: readonly Point[],
  measure: Measure,
): readonly (readonly boolean[])[] {
  const [end, start] = [points[0]!, points.at(-1)!];
  return heads.filter((_, at) => {
    if (at === 0 || at === heads.length - 1) return false;
    const point = points[at]!;
    // Of heads with equal points the ends stand, else the first.
    const isBeaten = points.some(
      (other, i) =>
        i !== at &&
        isNoBetter(point, [other], "any") &&
        (i < at || i === heads.length - 1 || !isNoBetter(other, [point], "any")),
    );
    return !isBeaten && !isNoBetter(point, [start, end], measure);
  });
}

/** Whether one of the others is no worse than a point in every coordinate or, for `latency`, a mixture of two is. */
function isNoBetter(point: Point, others: readonly Point[], measure: Measure): boolean {
  if (others.some((other) => other.every((value, k) => value <= point[k]!))) return true;
  const [p, q] = others;
  if (measure === "any" || p === undefined || q === undefined) return false;
  // theta * p + (1 - theta) * q <= point, coordinate by coordinate: an interval of theta each.
  let [low, high] = [0, 1];
  for (let k = 0; k < 3; k++) {
    const limit = point[k]!;
    if (p[k]! <= limit && q[k]! <= limit) continue;
    if (p[k]! > limit && q[k]! > limit) return false;
    const share = (limit - q[k]!) / (p[k]! - q[k]!);
    if (p[k]! > limit) high = Math.min(high, Number.isNaN(share) ? 0 : share);
    else low = Math.max(low, Number.isNaN(share) ? 1 : share);
  }
  return low <= high;
}

function sum(...points: readonly Point[]): Point {
  const total: [number, number, number] = [0, 0, 0];
  for (const point of points) for (let k = 0; k < 3; k++) total[k]! += point[k]!;
  return total;
}

function minus([edgeMs, cloudMs, bytes]: Point): Point {
  return [-edgeMs, -cloudMs, -bytes];
}
