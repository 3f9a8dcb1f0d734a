import { EddiError } from "#shared/errors";
import { ancestors, cutVertices, type Dag, subgraph } from "#shared/graph";
import type { Model } from "#shared/model";
import type { Profile, Role, Sample } from "./profile.ts";
import { nodeWork, workUnits } from "./work.ts";

/**
 * Node times that add up to measured heads or tails.
 *
 * Times along an exit's cut vertices are first made monotone (isotonic regression), since a longer
 * segment cannot take less. Their differences are the times of the blocks between, each spread over its
 * nodes by analytic work. Exits go from last to first, and a node keeps the time it got first: the main
 * path is timed by the last exit, an exit's branch by its own samples.
 *
 * @param samples of the cut vertices of every exit, as `measurePlan` lists them. Inner ones may lack: their
 *                blocks are then taken together. Without the empty segment's, the fixed cost is extrapolated
 * @throws EddiError `bad-profile` when the longest segment of an exit has no sample
 */
export function profileFromSamples(
  model: Model,
  role: Role,
  samples: readonly Sample[],
): Pick<Profile, "fixedMs" | "nodeMs"> {
  const work = nodeWork(model).map(workUnits);
  const workOf = new Map(model.dag.names.map((name, node) => [name, work[node]!]));
  const nodeMs = new Map<string, number>();
  let fixedMs: number | null = null;
  for (const exit of model.metadata.exits.toReversed()) {
    const dag = subgraph(model.dag, ancestors(model.dag, model.dag.names.indexOf(exit.node)));
    const line = timeLine(dag, exit.id, role, samples, workOf);
    fixedMs ??= line[0]!.ms;
    line.slice(1).forEach((point, at) => {
      spread(point.added, point.ms - line[at]!.ms, nodeMs, workOf);
    });
  }
  const measured = model.dag.names.slice(1).map((name): [string, number] => [name, nodeMs.get(name) ?? 0]);
  return { fixedMs: fixedMs ?? 0, nodeMs: Object.fromEntries(measured) };
}

/** A segment that grows: its time, and the nodes that it holds more than the one before. */
interface Point {
  readonly ms: number;
  readonly added: readonly string[];
}

/** The segments of an exit from the empty one to the longest, with monotone times. */
function timeLine(
  dag: Dag,
  exit: string,
  role: Role,
  samples: readonly Sample[],
  workOf: ReadonlyMap<string, number>,
): readonly Point[] {
  // A head up to a node is the same for every exit; a tail ends at its own.
  const usable = samples.filter((sample) => role === "head" || sample.exit === exit);
  const medians = new Map(usable.map((sample) => [sample.at, sample.medianMs]));
  const last = dag.names.length - 1;
  const grown = role === "head" ? cutVertices(dag) : cutVertices(dag).toReversed();
  const empty = grown[0]!;
  const longest = dag.names[grown.at(-1)!]!;
  if (!medians.has(longest) || longest === dag.names[empty]) {
    throw new EddiError(
      "bad-profile",
      `exit ${exit}: expected a sample of the ${role} at ${longest}, got none`,
    );
  }

  const vertices = grown.filter((vertex) => vertex === empty || medians.has(dag.names[vertex]!));
  const added = vertices.map((vertex, at) => {
    if (at === 0) return [];
    const [low, high] = [vertex, vertices[at - 1]!].toSorted((a, b) => a - b);
    return dag.names.slice(low! + 1, Math.min(high!, last) + 1);
  });
  const times = vertices.slice(1).map((vertex) => medians.get(dag.names[vertex]!)!);
  const first = medians.get(dag.names[empty]!) ?? intercept(added.slice(1), times, workOf);
  return isotonic([first, ...times]).map((ms, at) => ({ ms, added: added[at]! }));
}

/** Shares a block's time among those of its nodes that have none yet. */
function spread(
  block: readonly string[],
  blockMs: number,
  nodeMs: Map<string, number>,
  workOf: ReadonlyMap<string, number>,
): void {
  const fresh = block.filter((name) => !nodeMs.has(name));
  const knownMs = block.reduce((total, name) => total + (nodeMs.get(name) ?? 0), 0);
  const restMs = Math.max(0, blockMs - knownMs);
  const totalWork = fresh.reduce((total, name) => total + workOf.get(name)!, 0);
  for (const name of fresh) {
    nodeMs.set(name, restMs * (totalWork > 0 ? workOf.get(name)! / totalWork : 1 / fresh.length));
  }
}

/** Time at no work of the straight line through the segments' times, within 0 and the shortest of them. */
function intercept(
  added: readonly (readonly string[])[],
  times: readonly number[],
  workOf: ReadonlyMap<string, number>,
): number {
  let total = 0;
  const work = added.map((names) => {
    total += names.reduce((sum, name) => sum + workOf.get(name)!, 0);
    return total;
  });
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  const [meanWork, meanMs] = [mean(work), mean(times)];
  const variance = mean(work.map((w) => (w - meanWork) ** 2));
  if (variance === 0) return 0;
  const slope = mean(work.map((w, i) => (w - meanWork) * (times[i]! - meanMs))) / variance;
  return Math.min(Math.max(meanMs - slope * meanWork, 0), ...times);
}

/** The rising sequence nearest in squares: pools adjacent violators (Barlow et al., 1972). */
function isotonic(values: readonly number[]): readonly number[] {
  const pools: { mean: number; count: number }[] = [];
  for (const value of values) {
    let pool = { mean: value, count: 1 };
    for (let before = pools.at(-1); before !== undefined && before.mean > pool.mean; before = pools.at(-1)) {
      const count = before.count + pool.count;
      pool = { mean: (before.mean * before.count + pool.mean * pool.count) / count, count };
      pools.pop();
    }
    pools.push(pool);
  }
  return pools.flatMap(({ mean, count }) => new Array<number>(count).fill(mean));
}
