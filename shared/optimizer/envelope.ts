import { contract, type ExitCosts, expandHead } from "#shared/evaluator";
import { NO_SPREAD } from "#shared/model";
import type { Constraints } from "./constraints.ts";
import { efficientHeads, type HeadPoints, type HeadQuery, pointsOf } from "./head-points.ts";
import { MinCutPlanner } from "./min-cut-plan.ts";

/**
 * The heads of an exit that can ever be best, whatever edge scale, cloud scale and uplink are.
 *
 * Sorted: first all-edge if it is permitted, then the hull, then the other efficient heads. Only a head on the
 * lower hull can have the least latency; quantiles of latency and the longest stage are not linear, and may be
 * least at any efficient head.
 */
export interface Envelope extends HeadPoints {
  /** So many heads from the start are all-edge or on the hull. */
  readonly hullCount: number;
  /** False when there were too many heads to list them: then it holds the best for a grid of conditions. */
  readonly exact: boolean;
}

/**
 * Lists the heads; where they are too many (see `MAX_HEADS`) those of the contracted DAG, which loses none that
 * matters; and where these still are, samples them by minimum cuts.
 *
 * @returns null when they are too many and some are pinned, which the cuts do not know
 */
export function buildEnvelope(costs: ExitCosts, query: HeadQuery = {}): Envelope | null {
  let listed = efficientHeads(costs, query);
  if (listed === null && query.pinned !== undefined && query.pinned.size > 0) return null;
  listed ??= contractedHeads(costs, query);
  const points = listed ?? sampledHeads(costs, query.constraints ?? {});
  const onHull = lowerHull(points);
  const rank = (at: number): number => (points.remote[at] === 0 ? 0 : onHull[at] ? 1 : 2);
  const order = Array.from({ length: points.count }, (_, at) => at).sort(
    (a, b) => rank(a) - rank(b) || a - b,
  );
  return {
    count: points.count,
    hullCount: order.filter((at) => rank(at) < 2).length,
    exact: listed !== null,
    edgeMs: Float64Array.from(order, (at) => points.edgeMs[at]!),
    cloudMs: Float64Array.from(order, (at) => points.cloudMs[at]!),
    bytes: Float64Array.from(order, (at) => points.bytes[at]!),
    remote: Uint8Array.from(order, (at) => points.remote[at]!),
    heads: order.map((at) => points.heads[at]!),
  };
}

/** @returns null when the contracted DAG still has too many heads */
function contractedHeads(costs: ExitCosts, { constraints = {}, ...query }: HeadQuery): HeadPoints | null {
  const { names } = costs.dag;
  const { readyNodes, noRawUpload = false } = constraints;
  const mayRun = (node: number): boolean => node === 0 || (readyNodes?.has(names[node]!) ?? true);
  const contraction = contract(
    {
      ...costs,
      edgeMs: costs.edgeMs.map((ms, node) => (mayRun(node) ? ms : Infinity)),
      wireBytes: costs.wireBytes.map((bytes, node) => (node === 0 && noRawUpload ? Infinity : bytes)),
    },
    { for: "any" },
  );
  const points = efficientHeads(contraction.costs, query);
  if (points === null) return null;
  const permitted = points.heads.filter(
    (_, at) => points.edgeMs[at]! < Infinity && points.bytes[at]! < Infinity,
  );
  return pointsOf(
    costs,
    permitted.map((head) => expandHead(contraction, Array.from(head, Boolean))),
  );
}

/** The best heads for 17 uplinks from 30 kbit/s to 300 Mbit/s and 13 ratios of the machines' speeds. */
function sampledHeads(costs: ExitCosts, constraints: Constraints): HeadPoints {
  const planner = new MinCutPlanner(costs, constraints);
  const edgeOnly = new MinCutPlanner(costs, { ...constraints, offline: true });
  // So much less than no time for being remote sets all-edge aside.
  const setting = { rttMs: -1e6, queueMs: 0, downlinkBps: Infinity, edgeScale: 1, spread: NO_SPREAD };
  const heads = [edgeOnly.plan({ ...setting, uplinkBps: 1, cloudScale: 1 })];
  for (let uplink = 4.5; uplink <= 8.5; uplink += 0.25) {
    for (let ratio = -6; ratio <= 6; ratio++) {
      heads.push(planner.plan({ ...setting, uplinkBps: 10 ** uplink, cloudScale: 2 ** ratio }));
    }
  }
  return pointsOf(
    costs,
    heads.flatMap((plan) => plan ?? []).map(({ head }) => head),
  );
}

/** Where the quadratic search would take too long, all points count as the hull: right, only slower to scan. */
const MAX_POINTS = 2000;

/**
 * By remote head: whether some weights, none negative, make it the least in the weighted sum of edge time,
 * cloud time and bytes.
 *
 * The weights for which a head beats another are a half-plane of the simplex of weights (a triangle), so those
 * for which it beats all are the triangle clipped by each of them: on the hull if anything is left.
 */
function lowerHull({ count, edgeMs, cloudMs, bytes, remote }: HeadPoints): readonly boolean[] {
  if (count > MAX_POINTS) return new Array<boolean>(count).fill(true);
  const remoteHeads = Array.from({ length: count }, (_, at) => at).filter((at) => remote[at] === 1);
  const greatest = (values: Float64Array): number => Math.max(Number.MIN_VALUE, ...values);
  const unit = [greatest(edgeMs), greatest(cloudMs), greatest(bytes)] as const;
  const point = (at: number): Weights => [
    edgeMs[at]! / unit[0],
    cloudMs[at]! / unit[1],
    bytes[at]! / unit[2],
  ];
  const places = Array.from({ length: count }, (_, at) => point(at));
  const found = new Array<boolean>(count).fill(false);
  for (const at of remoteHeads) {
    let region: readonly Weights[] = TRIANGLE;
    for (const other of remoteHeads) {
      if (other === at) continue;
      region = clip(region, places[at]!, places[other]!);
      if (region.length === 0) break;
    }
    found[at] = region.length > 0;
  }
  return found;
}

type Weights = readonly [number, number, number];

const TRIANGLE: readonly Weights[] = [
  [1, 0, 0],
  [0, 1, 0],
  [0, 0, 1],
];

/** Rounding must not throw a head away that ties with others: it may keep one that is not needed. */
const TOLERANCE = 1e-12;

/** The part of a convex polygon of weights for which `mine` is no more than `other`. */
function clip(polygon: readonly Weights[], mine: Weights, other: Weights): readonly Weights[] {
  const gain = (w: Weights): number =>
    w[0] * (other[0] - mine[0]) + w[1] * (other[1] - mine[1]) + w[2] * (other[2] - mine[2]) + TOLERANCE;
  const gains = polygon.map(gain);
  if (gains.every((value) => value >= 0)) return polygon;
  return polygon.flatMap((corner, at) => {
    const next = (at + 1) % polygon.length;
    const [here, there] = [gains[at]!, gains[next]!];
    const kept = here >= 0 ? [corner] : [];
    if (here >= 0 === there >= 0) return kept;
    const share = here / (here - there);
    const towards = polygon[next]!;
    const between = [0, 1, 2].map((axis) => corner[axis]! + share * (towards[axis]! - corner[axis]!));
    return [...kept, between as unknown as Weights];
  });
}
