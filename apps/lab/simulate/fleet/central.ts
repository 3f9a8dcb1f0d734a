import { LivePlanner } from "#shared/optimizer";
import { normalShare } from "../chance/normal.ts";
import { type HeadWay, listWays, type OptionWay, type Ways } from "../policy/ways.ts";
import type { Subject } from "../set-up/subject.ts";
import type { ClientKind } from "./client-kind.ts";
import { UPLINK_NOISE } from "./settings.ts";

/** A way to answer photos of a kind: work for the cloud and right answers in time, both of one photo in the mean. */
interface Point {
  readonly workMs: number;
  readonly value: number;
}

/**
 * The best that somebody could do who knows all clients and assigns each photo: as many right answers in time as the
 * cloud's time allows, none of which is lost to waiting. A bound: no assignment of a real cloud reaches it.
 *
 * @param capacityMs of the cloud, per photo of all clients
 * @returns right answers in time, share of all photos
 */
export function bestAssignment(subject: Subject, kinds: readonly ClientKind[], capacityMs: number): number {
  const planner = new LivePlanner({ costs: subject.costs, policies: subject.model.metadata.policies ?? [] });
  const ways = listWays(planner, subject.verdicts);
  let total = 0;
  const steps: { readonly workMs: number; readonly value: number }[] = [];
  for (const kind of kinds) {
    const hull = upperHull(pointsOf(kind, ways));
    total += kind.weight * hull[0]!.value;
    for (let at = 1; at < hull.length; at++) {
      const [one, other] = [hull[at - 1]!, hull[at]!];
      const [workMs, value] = [other.workMs - one.workMs, other.value - one.value];
      steps.push({ workMs: kind.weight * workMs, value: kind.weight * value });
    }
  }
  // Where most is gained for the cloud's time first; the last step in part.
  steps.sort((a, b) => b.value / b.workMs - a.value / a.workMs);
  let left = capacityMs;
  for (const { workMs, value } of steps) {
    const share = Math.min(1, left / workMs);
    total += share * value;
    left -= share * workMs;
    if (left <= 0) break;
  }
  return total;
}

function pointsOf(kind: ClientKind, ways: readonly Ways[]): readonly Point[] {
  const points: Point[] = [];
  const local = bestLocal(kind, ways);
  for (const { askMs, heads, options } of ways) {
    for (const option of options) {
      const asked = askedOf(kind, askMs, option);
      for (const head of heads) points.push(pointOf(kind, option, head, asked, local));
    }
  }
  return points;
}

interface Asked {
  /** When the last early exit has said no. */
  readonly ms: number;
  readonly value: number;
}

function askedOf(
  { conditions, imageMs, budgetMs }: ClientKind,
  askMs: readonly number[],
  option: OptionWay,
): Asked {
  let ms = imageMs;
  let value = 0;
  for (const [at, own] of askMs.entries()) {
    ms += conditions.edgeScale * own;
    if (ms <= budgetMs) value += option.rightShares[at]!;
  }
  return { ms, value };
}

function pointOf(
  { conditions, budgetMs }: ClientKind,
  option: OptionWay,
  { restMs, isRemote, cloudMs, bytes, replyBytes, loss }: HeadWay,
  asked: Asked,
  local: number,
): Point {
  const rest = option.shares.at(-1)!;
  const right = option.rightShares.at(-1)!;
  const headMs = asked.ms + conditions.edgeScale * restMs;
  if (!isRemote) return { workMs: 0, value: asked.value + (headMs <= budgetMs ? right : 0) };
  const uplinkMs = (8000 * bytes) / conditions.uplinkBps;
  const totalMs =
    headMs + conditions.rttMs + uplinkMs + cloudMs + (8000 * replyBytes) / conditions.downlinkBps;
  const inTime = normalShare((budgetMs - totalMs) / Math.max(1, UPLINK_NOISE * uplinkMs));
  const value = asked.value + inTime * Math.max(0, right - loss) + (1 - inTime) * rest * local;
  return { workMs: rest * cloudMs, value };
}

/** Of a photo that the edge answers in the cloud's stead. */
function bestLocal({ conditions, imageMs, budgetMs }: ClientKind, ways: readonly Ways[]): number {
  const rights = ways.flatMap(({ askMs, heads, options }) => {
    if (askMs.length > 0) return [];
    const own = heads.find(({ isRemote }) => !isRemote);
    const isInTime = own !== undefined && imageMs + conditions.edgeScale * own.restMs <= budgetMs;
    return isInTime ? options.map(({ rightShares }) => rightShares.at(-1)!) : [];
  });
  return Math.max(0, ...rights);
}

/** Corners of the least concave function above all points, from the least work on. */
function upperHull(points: readonly Point[]): readonly Point[] {
  const sorted = [...points].sort((a, b) => a.workMs - b.workMs || b.value - a.value);
  const hull: Point[] = [];
  for (const point of sorted) {
    if (hull.length > 0 && point.value <= hull.at(-1)!.value) continue;
    while (hull.length > 1 && slope(hull.at(-2)!, hull.at(-1)!) <= slope(hull.at(-2)!, point)) hull.pop();
    hull.push(point);
  }
  return hull;
}

function slope(from: Point, to: Point): number {
  return (to.value - from.value) / (to.workMs - from.workMs);
}
