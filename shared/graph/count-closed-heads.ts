import { type Block, blocks } from "./blocks.ts";
import type { Dag } from "./dag.ts";

export interface HeadCount {
  /** Of closed heads; where not exact, there are at least as many. */
  readonly count: number;
  readonly exact: boolean;
}

/**
 * How many closed heads a DAG has, counted block by block without listing them: a head ends inside one block,
 * so the blocks' numbers add up.
 *
 * @param dag   as for `cutVertices`
 * @param limit where counting stops: above it the count is the limit and not exact
 */
export function countClosedHeads(dag: Dag, limit = 1e9): HeadCount {
  let count = 1;
  for (const block of blocks(dag)) {
    const inner = countInBlock(dag, block, limit);
    count += inner.count;
    if (!inner.exact || count > limit) return { count: Math.min(count, limit), exact: false };
  }
  return { count, exact: true };
}

/** Choices looked at in a block, alike ones once; a block that needs more is counted from below. */
const MAX_STEPS = 1 << 18;

/**
 * Closed sets of a block's nodes but its last; the empty one is the head that ends where the block starts.
 *
 * Nodes decide one after the other, in topological order, whether they join. Only nodes that are yet to be
 * read matter for what follows, the frontier: choices alike on it are counted together (dynamic programming
 * along a path decomposition).
 */
function countInBlock(dag: Dag, { after, nodes }: Block, limit: number): HeadCount {
  const end = nodes.at(-1)!;
  const lastReader = (of: number): number => dag.successors[of]!.findLast((reader) => reader < end) ?? -1;
  let frontier: number[] = [];
  /** How many choices leave the frontier's nodes in the head (`1`) or not (`0`). */
  let states = new Map([["", 1]]);
  let steps = 0;
  for (const node of nodes) {
    if (node === end) break;
    const position = new Map(frontier.map((one, at) => [one, at]));
    const needed = dag.predecessors[node]!.filter((from) => from > after).map((from) => position.get(from)!);
    const done = needed.filter((at) => lastReader(frontier[at]!) === node);
    const isRead = lastReader(node) > node;
    const next = new Map<string, number>();
    for (const [state, ways] of states) {
      const rest = without(state, done);
      const add = (key: string): void => void next.set(key, (next.get(key) ?? 0) + ways);
      add(isRead ? `${rest}0` : rest);
      if (needed.every((at) => state[at] === "1")) add(isRead ? `${rest}1` : rest);
    }
    const gone = new Set(done);
    frontier = [...frontier.filter((_, at) => !gone.has(at)), ...(isRead ? [node] : [])];
    states = next;
    steps += states.size;
    const count = [...states.values()].reduce((sum, ways) => sum + ways, 0);
    // A closed set of the nodes so far is one of the whole, with no node more: the count only grows.
    if (count > limit || steps > MAX_STEPS) return { count, exact: false };
  }
  return { count: [...states.values()].reduce((sum, ways) => sum + ways, 0), exact: true };
}

/** A text without the characters at some positions, which rise. */
function without(text: string, positions: readonly number[]): string {
  let [rest, from] = ["", 0];
  for (const at of positions) {
    rest += text.slice(from, at);
    from = at + 1;
  }
  return rest + text.slice(from);
}
