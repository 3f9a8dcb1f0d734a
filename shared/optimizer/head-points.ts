import { type ExitCosts, latencyOf } from "#shared/evaluator";
import { cutVertices } from "#shared/graph";
import { NO_SPREAD } from "#shared/model";
import type { Constraints } from "./constraints.ts";

/**
 * Heads of an exit as points: latency is linear in them, `edgeScale * edgeMs + cloudScale * cloudMs +
 * 8000 * bytes / uplinkBps`, but for what all remote plans pay alike.
 */
export interface HeadPoints {
  readonly count: number;
  /** By head: time at the edge, fixed cost and cut included. */
  readonly edgeMs: Float64Array;
  /** By head: time in the cloud, fixed cost and cut included; 0 for all-edge. */
  readonly cloudMs: Float64Array;
  /** By head: bytes of the request; 0 for all-edge. */
  readonly bytes: Float64Array;
  /** By head: 1 when there is a tail. */
  readonly remote: Uint8Array;
  /** By head: its nodes, as membership by node of the exit's DAG. */
  readonly heads: readonly Uint8Array[];
}

export interface HeadQuery {
  readonly constraints?: Constraints;
  /** Nodes that must be in the head, by name; those of other exits are ignored. */
  readonly pinned?: ReadonlySet<string>;
  /** At most so many heads are looked at. */
  readonly limit?: number;
}

/** Where enumeration is out of reach. */
const MAX_HEADS = 200_000;

/**
 * Every head that the constraints permit and that no other is better than: less or equal in edge time, cloud
 * time and bytes. Whatever grows in all three is least at one of them: latency, any quantile of it, the
 * longest stage.
 *
 * A head that is closed under predecessors ends inside one block, so their number is the sum, not the product,
 * of the blocks' inner ones.
 *
 * @returns null when there are more heads than the limit
 */
export function efficientHeads(costs: ExitCosts, query: HeadQuery = {}): HeadPoints | null {
  const all = new Collector();
  const complete = forEachHead(costs, query, (_, edgeMs, cloudMs, bytes, remote) =>
    all.add(edgeMs, cloudMs, bytes, remote),
  );
  if (!complete) return null;
  const kept = undominated(all);
  const heads: Uint8Array[] = new Array(kept.length);
  const position = new Map(kept.map((head, at) => [head, at]));
  let index = 0;
  forEachHead(costs, query, (member) => {
    const at = position.get(index++);
    if (at !== undefined) heads[at] = member.slice();
  });
  return select(all, kept, heads);
}

/** Some heads, each as membership by node, as points; those that others dominate are left out. */
export function pointsOf(costs: ExitCosts, heads: readonly (readonly boolean[])[]): HeadPoints {
  const all = new Collector();
  const unit = { rttMs: 0, queueMs: 0, uplinkBps: 8000, downlinkBps: Infinity, edgeScale: 1, cloudScale: 1 };
  for (const head of heads) {
    const { edgeMs, cloudMs, uplinkMs } = latencyOf(costs, head, { ...unit, spread: NO_SPREAD });
    all.add(edgeMs, cloudMs, uplinkMs, Number(head.includes(false)));
  }
  const kept = undominated(all);
  return select(
    all,
    kept,
    kept.map((at) => Uint8Array.from(heads[at]!, Number)),
  );
}

function select(all: Collector, kept: readonly number[], heads: readonly Uint8Array[]): HeadPoints {
  return {
    count: kept.length,
    edgeMs: Float64Array.from(kept, (head) => all.edgeMs[head]!),
    cloudMs: Float64Array.from(kept, (head) => all.cloudMs[head]!),
    bytes: Float64Array.from(kept, (head) => all.bytes[head]!),
    remote: Uint8Array.from(kept, (head) => all.remote[head]!),
    heads,
  };
}

export type Visit = (
  member: Uint8Array,
  edgeMs: number,
  cloudMs: number,
  bytes: number,
  remote: number,
) => void;

/** Calls back for every permitted head, each once. @returns false when the limit was reached */
export function forEachHead(
  costs: ExitCosts,
  { constraints = {}, pinned, limit = MAX_HEADS }: HeadQuery,
  visit: Visit,
): boolean {
  const { dag, edgeMs, cloudMs, edgeCutMs, cloudCutMs, wireBytes } = costs;
  const { names, predecessors, successors } = dag;
  const count = names.length;
  const { readyNodes, noRawUpload = false, offline = false } = constraints;
  const mayRun = names.map((name, node) => node === 0 || (readyNodes?.has(name) ?? true));
  const isPinned = names.map((name, node) => node > 0 && (pinned?.has(name) ?? false));
  const vertices = cutVertices(dag);
  const member = new Uint8Array(count);
  let cloudBehind = cloudMs.reduce((sum, ms, node) => sum + (node > 0 ? ms : 0), 0);
  let edgeBefore = edgeMs[0]!;
  let pinsBehind = isPinned.filter(Boolean).length;
  let visits = 0;
  member[0] = 1;

  for (let at = 0; at + 1 < vertices.length; at++) {
    const start = vertices[at]!;
    const end = vertices[at + 1]!;
    for (let node = start + 1; node <= end; node++) {
      cloudBehind -= cloudMs[node]!;
      if (isPinned[node]) pinsBehind--;
    }
    const mayJoin = (node: number): boolean =>
      mayRun[node]! && predecessors[node]!.every((from) => member[from] === 1);
    const growFrom = (first: number): void => {
      for (let node = first; node < end; node++) member[node] = Number(mayJoin(node));
    };
    growFrom(start + 1);
    // Inner heads, counted down from the largest like a binary counter: drop the last member, regrow the rest.
    const isOpen = pinsBehind === 0 && !isPinned[end] && !offline;
    for (let more = isOpen; more; ) {
      if (++visits > limit) return false;
      let edge = edgeBefore;
      let cloud = cloudBehind + cloudMs[end]! + costs.cloudFixedMs;
      let bytes = costs.requestBytes;
      let permitted = true;
      let last = start;
      for (let node = start; node < end; node++) {
        if (member[node] === 0) {
          cloud += cloudMs[node]!;
          if (isPinned[node]) permitted = false;
          continue;
        }
        if (node > start) {
          edge += edgeMs[node]!;
          last = node;
        }
        if (successors[node]!.every((reader) => member[reader] === 1)) continue;
        edge += edgeCutMs[node]!;
        cloud += cloudCutMs[node]!;
        bytes += wireBytes[node]!;
        if (node === 0 && noRawUpload) permitted = false;
      }
      if (last > 0) edge += costs.edgeFixedMs;
      if (permitted && bytes < Infinity) visit(member, edge, cloud, bytes, 1);
      more = last > start;
      if (!more) break;
      member[last] = 0;
      growFrom(last + 1);
    }
    // On to the next block, with this one's end in the head.
    for (let node = start + 1; node <= end; node++) {
      if (!mayRun[node]) return true;
      member[node] = 1;
      edgeBefore += edgeMs[node]!;
    }
  }
  visit(member, edgeBefore + (count > 1 ? costs.edgeFixedMs : 0), 0, 0, 0);
  return true;
}

/** Points in arrays that grow. */
class Collector {
  count = 0;
  edgeMs: Float64Array = new Float64Array(256);
  cloudMs: Float64Array = new Float64Array(256);
  bytes: Float64Array = new Float64Array(256);
  remote = new Uint8Array(256);

  add(edgeMs: number, cloudMs: number, bytes: number, remote: number): void {
    const at = this.count++;
    if (at === this.remote.length) this.grow();
    this.edgeMs[at] = edgeMs;
    this.cloudMs[at] = cloudMs;
    this.bytes[at] = bytes;
    this.remote[at] = remote;
  }

  private grow(): void {
    const twice = (old: Float64Array): Float64Array => {
      const grown = new Float64Array(2 * old.length);
      grown.set(old);
      return grown;
    };
    this.edgeMs = twice(this.edgeMs);
    this.cloudMs = twice(this.cloudMs);
    this.bytes = twice(this.bytes);
    const remote = new Uint8Array(2 * this.remote.length);
    remote.set(this.remote);
    this.remote = remote;
  }
}

/**
 * Indices of the points that no other dominates; of equal ones the first. All-edge is always among them, and
 * dominates whatever takes no less time at the edge: it pays nothing for being remote.
 *
 * Sweeps by edge time and keeps the staircase of cloud time against bytes of what was kept: O(n log n) but for
 * insertions.
 */
function undominated(points: Collector): readonly number[] {
  const { edgeMs, cloudMs, bytes, remote } = points;
  const order = Array.from({ length: points.count }, (_, at) => at).sort(
    (a, b) => edgeMs[a]! - edgeMs[b]! || cloudMs[a]! - cloudMs[b]! || bytes[a]! - bytes[b]! || a - b,
  );
  /** Rising in cloud time, falling in bytes. */
  const stairs: number[] = [];
  const kept: number[] = [];
  for (const at of order) {
    if (remote[at] === 0) {
      kept.push(at);
      break;
    }
    // The last step that takes no more cloud time has the fewest bytes of those.
    let low = 0;
    let high = stairs.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (cloudMs[stairs[middle]!]! <= cloudMs[at]!) low = middle + 1;
      else high = middle;
    }
    if (low > 0 && bytes[stairs[low - 1]!]! <= bytes[at]!) continue;
    let end = low;
    while (end < stairs.length && bytes[stairs[end]!]! >= bytes[at]!) end++;
    const equal = low > 0 && cloudMs[stairs[low - 1]!] === cloudMs[at] ? 1 : 0;
    stairs.splice(low - equal, end - low + equal, at);
    kept.push(at);
  }
  return kept;
}
