import type { ExitCosts } from "#shared/evaluator";
import { HEADER_BYTES, RESTART_PAUSE_MS, roundTrips } from "#shared/model";
import {
  conditionsOf,
  forgiven,
  type NetworkState,
  type Observation,
  observe,
  type Transfer,
} from "#shared/network";
import type { CloudLost, CloudMeasured, Measured } from "./measured.ts";
import { branchMs, profiledMs } from "./profiled.ts";

/** What is known after one more image. */
export function learn(
  state: NetworkState,
  costs: readonly ExitCosts[],
  { head, cloud, way }: Measured,
  atMs: number,
): NetworkState {
  const observations: Observation[] = [];
  if (head !== null) {
    const predictedMs =
      profiledMs(costs, head.plan, conditionsOf(state)).edgeMs +
      branchMs(costs, head.branches, head.runs - 1);
    observations.push({ kind: "edge", atMs, predictedMs, measuredMs: head.ms });
  }
  if (cloud !== null) {
    const told =
      cloud.kind === "answered" ? fromReply(cloud, state, costs, atMs) : fromSilence(cloud, state, atMs);
    observations.push(...(cloud.isShared ? beside(told) : told));
  }
  if (cloud !== null && cloud.expectedQueueMs !== null)
    observations.push({ kind: "queue", atMs, queueMs: cloud.expectedQueueMs });
  const isStandIn = cloud?.kind === "answered" && cloud.served?.isStandIn === true;
  // What was beside a download was not foretold, nor was who stood in for a tail's engine.
  if (way !== null && cloud?.isShared !== true && !isStandIn) {
    const { totalMs: expectedMs, sdMs, p95Ms } = way.foretold;
    observations.push({
      kind: "way",
      by: way.by,
      atMs,
      expectedMs,
      sdMs,
      p95Ms,
      ms: way.ms,
      isThere: way.isThere,
    });
  }
  const learnt = observations.reduce(observe, state);
  if (cloud?.kind !== "answered" || cloud.served !== null || cloud.isShared) return learnt;
  return observe(learnt, { kind: "queue", atMs, queueMs: untoldQueueMs(cloud, learnt, costs) });
}

/**
 * How long a request has waited in a cloud that tells no times: what neither the link nor the tail's profile explains.
 *
 * @param state what is known after the link has learnt from the very request: so what a well-known link cannot have been
 *   is the queue, and while little is known of the link it explains nearly all
 */
function untoldQueueMs(cloud: CloudMeasured, state: NetworkState, costs: readonly ExitCosts[]): number {
  const conditions = conditionsOf(state);
  const { rttMs, uplinkBps, cloudScale } = conditions;
  const wireBytes = cloud.requestBytes + HEADER_BYTES[cloud.transport].request;
  const linkMs = rttMs * roundTrips(wireBytes, conditions) + (8000 * wireBytes) / uplinkBps;
  const computeMs = cloudScale * profiledMs(costs, cloud.plan, conditions).cloudMs;
  return Math.max(0, cloud.elapsedMs - linkMs - computeMs);
}

/**
 * What a request teaches that shared the link with a download: not how fast the link is. Its reply had to wait for
 * what came before it, for seconds on a slow link, and an RTT and an uplink that explain that would both be wrong.
 */
export function beside(observations: readonly Observation[]): readonly Observation[] {
  return observations.filter(({ kind }) => kind !== "transfer" && kind !== "silence" && kind !== "stretch");
}

function fromReply(
  { plan, requestBytes, transport, elapsedMs, served }: CloudMeasured,
  state: NetworkState,
  costs: readonly ExitCosts[],
  atMs: number,
): readonly Observation[] {
  const conditions = conditionsOf(state);
  const predictedMs = profiledMs(costs, plan, conditions).cloudMs;
  const { rttMs, uplinkBps, cloudScale, queueMs } = conditions;
  const expectedServerMs = queueMs + cloudScale * predictedMs;
  const transfer: Transfer = {
    kind: "transfer",
    atMs,
    requestBytes: requestBytes + HEADER_BYTES[transport].request,
    elapsedMs,
    serverMs: served === null ? Math.min(expectedServerMs, elapsedMs) : served.queueMs + served.computeMs,
  };
  // Of a cloud that tells no times nobody knows whether it was slow, or the link.
  if (served === null) return [transfer];
  const wireBytes = transfer.requestBytes;
  // Of frames that follow each other none begins slow start anew.
  const isRested = atMs - elapsedMs - state.surprise.atMs > RESTART_PAUSE_MS;
  const trips = isRested ? roundTrips(wireBytes, conditions) : 1;
  const expectedMs = rttMs * trips + (8000 * wireBytes) / uplinkBps;
  const ratio = Math.max(0, elapsedMs - transfer.serverMs) / expectedMs;
  const stretch: Observation = { kind: "stretch", atMs, ratio };
  if (served.isStandIn) return [transfer, stretch];
  return [transfer, stretch, { kind: "cloud", atMs, predictedMs, measuredMs: served.computeMs }];
}

/**
 * A reply that did not come in time would have taken longer than was waited. Without this a link that slows
 * down would time out for ever.
 */
function fromSilence(
  { requestBytes, transport, waitedMs }: CloudLost,
  state: NetworkState,
  atMs: number,
): readonly Observation[] {
  if (waitedMs === null) return [];
  const serverMs = Math.min(state.queueMs, waitedMs);
  const wireBytes = requestBytes + HEADER_BYTES[transport].request;
  return [{ kind: "silence", atMs, requestBytes: wireBytes, waitedMs, serverMs }];
}

/** After such a time without a sample a scale is doubted. A phone changes less than a shared service. */
const STALE_MS = { edge: 60_000, cloud: 15_000 } as const;

/**
 * Doubts what was long not seen. A plan without a tail learns nothing of the cloud, one without a head
 * nothing of the edge: what was slow once would be shunned for ever. So a scale that gets no samples goes
 * half the way (of its logarithm) back to its first guess, again and again, until a plan tries it.
 *
 * @returns the same state when there is nothing to doubt
 */
export function relax(state: NetworkState, now: number): NetworkState {
  const { edgeScale, cloudScale, initial, surprise: known } = state;
  const edge = doubt(edgeScale, initial.edgeScale, now - STALE_MS.edge, now);
  const cloud = doubt(cloudScale, initial.cloudScale, now - STALE_MS.cloud, now);
  const surprise = forgiven(known, now - STALE_MS.cloud, now);
  if (edge === edgeScale && cloud === cloudScale && surprise === known) return state;
  const queueMs = cloud === cloudScale ? state.queueMs : state.queueMs / 2;
  return { ...state, edgeScale: edge, cloudScale: cloud, queueMs, surprise };
}

function doubt<T extends NetworkState["edgeScale"]>(
  track: T,
  guess: number,
  staleAt: number,
  now: number,
): T {
  const isFar = Math.abs(Math.log(track.value / guess)) > 0.1;
  if (track.count === 0 || track.atMs > staleAt || !isFar) return track;
  return { ...track, value: Math.sqrt(track.value * guess), suspect: null, atMs: now };
}
