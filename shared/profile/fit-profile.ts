import { EddiError } from "#shared/errors";
import { ancestors, type Dag } from "#shared/graph";
import { elementCount, type Model } from "#shared/model";
import { nonNegativeLeastSquares } from "./least-squares.ts";
import { measurePlan } from "./measure-plan.ts";
import type { Profile, Sample } from "./profile.ts";
import type { Role } from "./role.ts";
import { moveMs, type Transfer } from "./transfer.ts";
import { nodeWork, workUnits } from "./work.ts";

/**
 * Node times that, with the transfers, add up to measured heads or tails.
 *
 * Each sample, less the transfer of its vertex's tensor, is a fixed cost and the sum of the blocks in its
 * segment. The least squares of the relative errors under times that are not negative (so that a longer segment
 * never takes less) give every block's time from all samples that hold it: from an early exit's short tails as
 * well as from the last one's long ones. A block's time is spread over its nodes as the samples inside it say,
 * or by analytic work where there are none.
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
  const timed = timedSegments(model, role, samples, transfer);
  if (isWhole) checkLongest(model, role, timed);
  if (timed.length > 0 && timed.every(({ nodes }) => nodes.length > 0))
    timed.push(emptySegment(timed, units));

  // Nodes that the same segments hold can be told apart by none of them: together they are one unknown.
  const groups = new Map<string, string[]>();
  for (const name of model.dag.names.slice(1)) {
    const key = timed.flatMap(({ nodes }, at) => (nodes.includes(name) ? at : [])).join();
    if (key !== "") groups.set(key, [...(groups.get(key) ?? []), name]);
  }
  const blocks = [...groups.values()];
  const rows = timed.map(({ nodes }) => [1, ...blocks.map(([name]) => (nodes.includes(name!) ? 1 : 0))]);
  const [fixedMs = 0, ...blockMs] = nonNegativeLeastSquares(
    rows,
    timed.map(({ ms }) => ms),
    timed.map(({ wholeMs }) => 1 / Math.max(wholeMs, LEAST_MS)),
  );
  const inside = insideMs(model.dag, samples);
  const nodeMs = new Map<string, number>();
  for (const [at, names] of blocks.entries()) {
    const isInside = names.every((name) => inside.has(name));
    const shares = isInside ? sharesOf(names, units, inside) : sharesOf(names, units);
    for (const [i, name] of names.entries()) nodeMs.set(name, blockMs[at]! * shares[i]!);
  }
  return { fixedMs, nodeMs };
}

/** A segment's nodes and the time that they take, transfers taken off. */
interface TimedSegment {
  readonly exit: string;
  readonly nodes: readonly string[];
  readonly ms: number;
  /** With transfers: errors are relative to it. */
  readonly wholeMs: number;
}

/** Errors of shorter times are not relative to them: they are the clock's. */
const LEAST_MS = 0.02;

function timedSegments(
  model: Model,
  role: Role,
  samples: readonly Sample[],
  transfer: Transfer,
): TimedSegment[] {
  const keyOf = (exit: string, at: string): string => (role === "head" ? at : `${exit} ${at}`);
  const plan = new Map(measurePlan(model, role).map((one) => [keyOf(one.exit, one.at), one]));
  return samples.flatMap(({ exit, at, from, medianMs }): TimedSegment[] => {
    const measured = plan.get(keyOf(exit, at));
    if (from !== undefined || measured === undefined) return [];
    const movedMs = moveMs(transfer, elementCount(model.metadata.tensors[at]!.shape));
    const ms = Math.max(0, medianMs - movedMs);
    return [{ exit, nodes: measured.segment.nodes, ms, wholeMs: medianMs }];
  });
}

/** @throws EddiError `bad-profile` when the longest segment of an exit was not timed */
function checkLongest(model: Model, role: Role, timed: readonly TimedSegment[]): void {
  for (const { id, node } of model.metadata.exits) {
    const count = ancestors(model.dag, model.dag.names.indexOf(node)).filter(Boolean).length - 1;
    const isThere = timed.some(
      ({ exit, nodes }) => nodes.length === count && nodes.includes(node) && (role === "head" || exit === id),
    );
    if (isThere) continue;
    throw new EddiError("bad-profile", `exit ${id}: expected a sample of its longest ${role}, got none`);
  }
}

/** The fixed cost as a segment, where it was not timed: the line through the last exit's times, at no work. */
function emptySegment(timed: readonly TimedSegment[], units: ReadonlyMap<string, number>): TimedSegment {
  const longest = timed.reduce((a, b) => (b.nodes.length > a.nodes.length ? b : a));
  const own = timed.filter(({ nodes }) => nodes.every((name) => longest.nodes.includes(name)));
  const work = own.map(({ nodes }) => nodes.reduce((sum, name) => sum + units.get(name)!, 0));
  const ms = intercept(
    work,
    own.map((one) => one.ms),
  );
  return { exit: longest.exit, nodes: [], ms, wholeMs: ms };
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

/** Time at no work of the straight line through segments' times, within 0 and the shortest of them. */
function intercept(work: readonly number[], times: readonly number[]): number {
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  const [meanWork, meanMs] = [mean(work), mean(times)];
  const variance = mean(work.map((w) => (w - meanWork) ** 2));
  if (variance === 0) return 0;
  const slope = mean(work.map((w, i) => (w - meanWork) * (times[i]! - meanMs))) / variance;
  return Math.min(Math.max(meanMs - slope * meanWork, 0), ...times);
}
