import { EddiError } from "#shared/errors";
import { type Conditions, roundTrips, type Spread } from "#shared/model";
import type { ExitCosts } from "./exit-costs.ts";

/** Where the time of one image goes, in milliseconds. */
export interface Latency {
  /** The head, its cut read back and encoded. */
  readonly edgeMs: number;
  readonly uplinkMs: number;
  readonly rttMs: number;
  readonly queueMs: number;
  /** The cut decoded, the tail run. */
  readonly cloudMs: number;
  readonly downlinkMs: number;
  /** The sum of the others. */
  readonly totalMs: number;
}

/**
 * Expected latency of a plan: the one definition of cost (DESIGN section 5).
 *
 * ```
 * edgeScale * (edgeFixedMs [if the head computes anything] + sum of edgeMs over the head
 *                + sum of edgeCutMs over the cut)
 * + [if there is a tail] rttMs * roundTrips + queueMs + 8000 * (requestBytes + sum of wireBytes over the cut) / uplinkBps
 *   + cloudScale * (cloudFixedMs + sum of cloudMs over the tail + sum of cloudCutMs over the cut)
 *   + 8000 * resultBytes / downlinkBps
 * ```
 *
 * @param head membership by node of `costs.dag`; closed under predecessors, holding the input
 */
export function latencyOf(costs: ExitCosts, head: readonly boolean[], conditions: Conditions): Latency {
  const { dag } = costs;
  let edge = 0;
  let cloud = 0;
  let bytes = costs.requestBytes;
  let computes = false;
  let remote = false;
  for (let node = 0; node < head.length; node++) {
    if (!head[node]) {
      cloud += costs.cloudMs[node]!;
      remote = true;
      continue;
    }
    edge += costs.edgeMs[node]!;
    computes ||= node > 0;
    if (dag.successors[node]!.every((reader) => head[reader])) continue;
    edge += costs.edgeCutMs[node]!;
    cloud += costs.cloudCutMs[node]!;
    bytes += costs.wireBytes[node]!;
  }
  const edgeMs = conditions.edgeScale * (edge + (computes ? costs.edgeFixedMs : 0));
  if (!remote) return sum({ ...NOTHING, edgeMs });
  return sum({
    edgeMs,
    uplinkMs: (8000 * bytes) / conditions.uplinkBps,
    rttMs: conditions.rttMs * roundTrips(bytes, conditions),
    queueMs: conditions.queueMs,
    cloudMs: conditions.cloudScale * (cloud + costs.cloudFixedMs),
    downlinkMs: (8000 * costs.resultBytes) / conditions.downlinkBps,
  });
}

/**
 * Standard deviation of a latency to first order (delta method): every uncertain condition shifts its own
 * term; all but RTT and uplink, which are learnt from the same requests, are independent. Milliseconds.
 */
export function latencySdMs(latency: Latency, spread: Spread): number {
  const { edgeMs, uplinkMs, rttMs, cloudMs } = latency;
  const rttSdMs = isRemote(latency) ? spread.rttMs : 0;
  const uplinkSdMs = uplinkMs * spread.uplink;
  const both = 2 * spread.rttUplink * rttSdMs * uplinkSdMs;
  const others = [edgeMs * spread.edge, cloudMs * spread.cloud, (rttMs + uplinkMs) * spread.network];
  return Math.sqrt(rttSdMs ** 2 + uplinkSdMs ** 2 + both + others.reduce((sum, sd) => sum + sd ** 2, 0));
}

/**
 * Membership by node of a plan's head.
 *
 * @param names the head's nodes, any order
 * @throws EddiError `bad-plan` when they are not a head of this exit: unknown, repeated, not closed
 */
export function headMembers(costs: ExitCosts, names: readonly string[]): readonly boolean[] {
  const { dag, exit } = costs;
  const named = new Set(names);
  const head = dag.names.map((name) => named.has(name));
  const count = head.filter(Boolean).length;
  const closed = head.every((inside, node) => !inside || dag.predecessors[node]!.every((from) => head[from]));
  if (head[0] && closed && count === names.length) return head;
  throw new EddiError("bad-plan", `expected a head of exit ${exit}, got ${names.slice(0, 5).join(", ")}`);
}

type Parts = Omit<Latency, "totalMs">;

const NOTHING: Parts = {
  edgeMs: 0,
  uplinkMs: 0,
  rttMs: 0,
  queueMs: 0,
  cloudMs: 0,
  downlinkMs: 0,
};

function sum(parts: Parts): Latency {
  const { edgeMs, uplinkMs, rttMs, queueMs, cloudMs, downlinkMs } = parts;
  return { ...parts, totalMs: edgeMs + uplinkMs + rttMs + queueMs + cloudMs + downlinkMs };
}

/** A request takes time on the way unless the network is perfect; then its spread is none either. */
function isRemote(latency: Latency): boolean {
  return latency.rttMs + latency.uplinkMs > 0;
}
