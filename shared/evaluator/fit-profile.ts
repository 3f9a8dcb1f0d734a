import { EddiError } from "#shared/errors";
import { ancestors, cutVertices, type Dag, subgraph } from "#shared/graph";
import { elementCount, type Model } from "#shared/model";
import type { Profile, Role, Sample } from "./profile.ts";
import { moveMs, type Transfer } from "./transfer.ts";
import { nodeWork, workUnits } from "./work.ts";

/**
 * Node times that, with the transfers, add up to measured heads or tails.
 *
 * Times along an exit's cut vertices, less the transfer of the vertex's tensor, are first made monotone
 * (isotonic regression), since a longer segment cannot take less. Their differences are the times of the
 * blocks between, each spread over its nodes as the samples inside the block say, or by analytic work where
 * there are none. Exits go from last to first, and a node keeps the time it got first: the main path is timed
 * by the last exit, an exit's branch by its own samples.
 *
 * @param samples  of the cut vertices of every exit, as `measurePlan` lists them, and of insides, as
 *                 `insidePlan` does. Inner cut vertices may lack: their blocks are then taken together. Without
 *                 the empty segment's, the fixed cost is extrapolated
 * @param transfer of tensors that heads hand over, or tails take
 * @throws EddiError `bad-profile` when the longest segment of an exit has no sample
 */
export function profileFromSamples(
  model: Model,
  role: Role,
  samples: readonly Sample[],
  transfer: Transfer,
): Pick<Profile, "fixedMs" | "nodeMs"> {
  const { fixedMs, nodeMs } = fit(model, role, samples, transfer, true);
  const names = model.dag.names.slice(1);
  return { fixedMs, nodeMs: Object.fromEntries(names.map((name) => [name, nodeMs.get(name) ?? 0])) };
}

/**
 * The same for heads as far as they were measured: nodes behind the longest head of each exit have no time.
 *
 * @throws EddiError `bad-profile` when no head that computes something was measured
 */
export function headsFromSamples(
  model: Model,
  samples: readonly Sample[],
  transfer: Transfer,
): Pick<Profile, "fixedMs" | "nodeMs"> {
  const { fixedMs, nodeMs } = fit(model, "head", samples, transfer, false);
  if (nodeMs.size === 0) throw new EddiError("bad-profile", "expected a sample of a head, got none");
  return { fixedMs, nodeMs: Object.fromEntries(nodeMs) };
}

/** @param isWhole whether an exit without its longest segment is refused, or fitted as far as it goes */
function fit(
  model: Model,
  role: Role,
  samples: readonly Sample[],
  transfer: Transfer,
  isWhole: boolean,
): { readonly fixedMs: number; readonly nodeMs: ReadonlyMap<string, number> } {
  const work = nodeWork(model).map(workUnits);
  const units = new Map(model.dag.names.map((name, node) => [name, work[node]!]));
  const elements = new Map(model.nodes.map(({ name, tensor }) => [name, elementCount(tensor.shape)]));
  const whole = samples.filter(({ from }) => from === undefined);
  const net = whole.map((sample): Sample => {
    const movedMs = moveMs(transfer, elements.get(sample.at) ?? 0);
    return { ...sample, medianMs: Math.max(0, sample.medianMs - movedMs) };
  });
  let fixedMs: number | null = null;
  const blocks: TimedBlock[] = [];
  for (const exit of model.metadata.exits.toReversed()) {
    const dag = subgraph(model.dag, ancestors(model.dag, model.dag.names.indexOf(exit.node)));
    const line = timeLine(dag, exit.id, role, net, units, isWhole);
    if (line === null) continue;
    fixedMs ??= line[0]!.ms;
    line.slice(1).forEach(({ added, ms }, at) => {
      blocks.push({ nodes: added, ms: ms - line[at]!.ms });
    });
  }
  return { fixedMs: fixedMs ?? 0, nodeMs: spread(blocks, units, insideMs(model.dag, samples)) };
}

/** Nodes, and the time that they take together. */
interface TimedBlock {
  readonly nodes: readonly string[];
  readonly ms: number;
}

/**
 * Shares the time of every block among those of its nodes that have none yet from an earlier block.
 *
 * @param units  analytic work, by node
 * @param inside measured shares, by node
 */
function spread(
  blocks: readonly TimedBlock[],
  units: ReadonlyMap<string, number>,
  inside: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const nodeMs = new Map<string, number>();
  for (const { nodes, ms } of blocks) {
    const left = nodes.filter((name) => !nodeMs.has(name));
    const knownMs = nodes.reduce((total, name) => total + (nodeMs.get(name) ?? 0), 0);
    const restMs = Math.max(0, ms - knownMs);
    const shares = left.every((name) => inside.has(name))
      ? sharesOf(left, units, inside)
      : sharesOf(left, units);
    for (const [at, name] of left.entries()) nodeMs.set(name, restMs * shares[at]!);
  }
  return nodeMs;
}

/**
 * Shares of nodes in a time, 1 together: by analytic work, or as measured. A difference of two timings may be
 * nothing but noise, so none falls below `LEAST_OF_ANALYTIC` of its analytic share.
 */
function sharesOf(
  names: readonly string[],
  units: ReadonlyMap<string, number>,
  measured?: ReadonlyMap<string, number>,
): readonly number[] {
  const analytic = normalised(names.map((name) => units.get(name)!));
  if (measured === undefined) return analytic;
  const found = normalised(names.map((name) => measured.get(name)!));
  return normalised(found.map((share, at) => Math.max(share, LEAST_OF_ANALYTIC * analytic[at]!)));
}

function normalised(values: readonly number[]): readonly number[] {
  const total = values.reduce((sum, value) => sum + value, 0);
  return values.map((value) => (total > 0 ? value / total : 1 / values.length));
}

const LEAST_OF_ANALYTIC = 0.25;

/** Times of nodes inside blocks: what the way to a node takes longer than the ways to all before it. */
function insideMs(dag: Dag, samples: readonly Sample[]): ReadonlyMap<string, number> {
  const callMs = new Map(
    samples.filter(({ at, from }) => at === from).map(({ at, medianMs }) => [at, medianMs]),
  );
  const found = new Map<string, number>();
  const inside = samples
    .filter(({ at, from }) => from !== undefined && at !== from)
    .map((sample) => ({ ...sample, node: dag.names.indexOf(sample.at) }))
    .sort((a, b) => a.node - b.node);
  for (const { at, from, node, medianMs } of inside) {
    const above = ancestors(dag, node);
    const before = inside.filter((other) => other.from === from && other.node < node && above[other.node]);
    const beforeMs = before.reduce((sum, other) => sum + found.get(other.at)!, 0);
    found.set(at, Math.max(0, medianMs - (callMs.get(from!) ?? 0) - beforeMs));
  }
  return found;
}

/** A segment that grows: its time, and the nodes that it holds more than the one before. */
interface Point {
  readonly ms: number;
  readonly added: readonly string[];
}

/**
 * The segments of an exit from the empty one to the longest, or the longest that was timed, with monotone times.
 *
 * @returns null when none was timed that computes something, and the exit may lack
 */
function timeLine(
  dag: Dag,
  exit: string,
  role: Role,
  samples: readonly Sample[],
  workOf: ReadonlyMap<string, number>,
  isWhole: boolean,
): readonly Point[] | null {
  // A head up to a node is the same for every exit; a tail ends at its own.
  const usable = samples.filter((sample) => role === "head" || sample.exit === exit);
  const medians = new Map(usable.map((sample) => [sample.at, sample.medianMs]));
  const last = dag.names.length - 1;
  const grown = role === "head" ? cutVertices(dag) : cutVertices(dag).toReversed();
  const empty = grown[0]!;
  const longest = dag.names[grown.at(-1)!]!;
  if (isWhole && (!medians.has(longest) || longest === dag.names[empty])) {
    throw new EddiError(
      "bad-profile",
      `exit ${exit}: expected a sample of the ${role} at ${longest}, got none`,
    );
  }

  const vertices = grown.filter((vertex) => vertex === empty || medians.has(dag.names[vertex]!));
  if (vertices.length < 2) return null;
  const added = vertices.map((vertex, at) => {
    if (at === 0) return [];
    const [low, high] = [vertex, vertices[at - 1]!].toSorted((a, b) => a - b);
    return dag.names.slice(low! + 1, Math.min(high!, last) + 1);
  });
  const times = vertices.slice(1).map((vertex) => medians.get(dag.names[vertex]!)!);
  const first = medians.get(dag.names[empty]!) ?? intercept(added.slice(1), times, workOf);
  return isotonic([first, ...times]).map((ms, at) => ({ ms, added: added[at]! }));
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
