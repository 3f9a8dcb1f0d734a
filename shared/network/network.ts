import type { Conditions } from "#shared/model";
import type { Observation, ScaleSample, Transfer } from "./observation.ts";
import { relativeSpread, startTrack, type Track, track } from "./track.ts";

/** What has been learnt of the conditions so far; plain data. */
export interface NetworkState {
  /** What was assumed at first; the downlink stays as it is here. */
  readonly initial: Conditions;
  readonly rttMs: Track;
  readonly uplinkBps: Track;
  readonly edgeScale: Track;
  readonly cloudScale: Track;
  readonly queueMs: number;
}

/**
 * Starts with a guess.
 *
 * @param initial its spread says how little the guess means: a first sample within twice that is believed
 *                at once, one farther off needs a second
 */
export function startNetwork(initial: Conditions): NetworkState {
  const { rttMs, uplinkBps, edgeScale, cloudScale, queueMs, spread } = initial;
  const rtt = Math.max(rttMs, MIN_MS);
  return {
    initial,
    rttMs: startTrack(rtt, spread.rttMs / rtt),
    uplinkBps: startTrack(uplinkBps, spread.uplink),
    edgeScale: startTrack(edgeScale, spread.edge),
    cloudScale: startTrack(cloudScale, spread.cloud),
    queueMs,
  };
}

/** For a phone of which nothing is known. */
export const FIRST_GUESS: Conditions = {
  rttMs: 50,
  uplinkBps: 10e6,
  downlinkBps: 30e6,
  edgeScale: 1,
  cloudScale: 1,
  queueMs: 0,
  spread: { rttMs: 50, uplink: 1, rttUplink: 0, network: 0, edge: 0.5, cloud: 0.5 },
};

/** The state after one more observation. Times that are negative or not finite teach nothing. */
export function observe(state: NetworkState, observation: Observation): NetworkState {
  const values = Object.values(observation).filter((value) => typeof value === "number");
  if (!values.every((value) => Number.isFinite(value) && value >= 0)) return state;
  const { atMs } = observation;
  switch (observation.kind) {
    case "probe":
      return { ...state, rttMs: track(state.rttMs, Math.max(observation.rttMs, MIN_MS), atMs) };
    case "transfer":
      return learnTransfer(state, observation);
    case "edge":
      return { ...state, edgeScale: learnScale(state.edgeScale, observation) };
    case "cloud":
      return { ...state, cloudScale: learnScale(state.cloudScale, observation) };
    case "queue":
      return { ...state, queueMs: state.queueMs + QUEUE_GAIN * (observation.queueMs - state.queueMs) };
  }
}

/** The conditions as known now. */
export function conditionsOf(state: NetworkState): Conditions {
  const { initial, rttMs, uplinkBps, edgeScale, cloudScale, queueMs } = state;
  return {
    rttMs: rttMs.value,
    uplinkBps: uplinkBps.value,
    downlinkBps: initial.downlinkBps,
    edgeScale: edgeScale.value,
    cloudScale: cloudScale.value,
    queueMs,
    spread: {
      rttMs: rttMs.value * relativeSpread(rttMs),
      uplink: relativeSpread(uplinkBps),
      rttUplink: 0,
      network: 0,
      edge: relativeSpread(edgeScale),
      cloud: relativeSpread(cloudScale),
    },
  };
}

/**
 * Splits a transfer's time into its two parameters: elapsed - server = RTT + 8000 * bytes / uplink.
 *
 * The service's receive time is the uplink's part where it can be believed, and then both are learnt. It
 * cannot where a proxy collects the body and hands it over at once; then, and when it is not told, the RTT
 * is taken as known and the uplink learnt, unless the whole took clearly less than that RTT.
 *
 * TCP's slow start after a pause needs no rule: where pauses are rare its samples are outliers, and where
 * they are usual the slower uplink is the true one for us.
 */
function learnTransfer(state: NetworkState, transfer: Transfer): NetworkState {
  const { atMs, receiveMs, requestBytes } = transfer;
  const { rttMs, uplinkBps } = state;
  const networkMs = Math.max(transfer.elapsedMs - transfer.serverMs, MIN_MS);
  const expectedMs = (8000 * requestBytes) / uplinkBps.value;
  const restMs = networkMs - rttMs.value;
  const noiseMs = Math.max(1, rttMs.value * relativeSpread(rttMs));
  const likelyMs = Math.min(expectedMs, restMs < 0 ? networkMs : restMs);
  if (receiveMs !== undefined && receiveMs >= 0.25 * likelyMs) {
    const isLong = receiveMs >= MIN_RECEIVE_MS;
    return {
      ...state,
      rttMs: track(rttMs, Math.max(networkMs - receiveMs, MIN_MS), atMs),
      uplinkBps: isLong
        ? learnUplink(uplinkBps, requestBytes, receiveMs, 0, atMs)
        : learnUplink(uplinkBps, requestBytes, Math.max(restMs, 0), noiseMs, atMs),
    };
  }
  if (restMs < -0.2 * rttMs.value - 1) {
    return { ...state, rttMs: track(rttMs, Math.max(networkMs - expectedMs, networkMs / 2), atMs) };
  }
  return {
    ...state,
    uplinkBps: learnUplink(uplinkBps, requestBytes, Math.max(restMs, 0), noiseMs, atMs),
  };
}

/**
 * @param ms      time that the bytes took
 * @param noiseMs what may be wrong in it; a transfer that is not clearly longer says only that the uplink
 *                is no slower than so much
 */
function learnUplink(uplink: Track, bytes: number, ms: number, noiseMs: number, atMs: number): Track {
  if (bytes === 0) return uplink;
  if (ms >= 2 * noiseMs) return track(uplink, (8000 * bytes) / Math.max(ms, MIN_MS), atMs);
  const slowestBps = (8000 * bytes) / (ms + noiseMs);
  return slowestBps > uplink.value ? track(uplink, slowestBps, atMs) : uplink;
}

function learnScale(scale: Track, sample: ScaleSample): Track {
  if (sample.predictedMs < MIN_PREDICTED_MS) return scale;
  const ratio = sample.measuredMs / sample.predictedMs;
  return track(scale, Math.min(Math.max(ratio, 1 / MAX_SCALE), MAX_SCALE), sample.atMs);
}

/** Below a browser's clock step. */
const MIN_MS = 0.1;
/** A shorter time may be one burst. */
const MIN_RECEIVE_MS = 1;
/** Shorter segments say more of the clock than of the machine. */
const MIN_PREDICTED_MS = 0.5;
const MAX_SCALE = 100;
const QUEUE_GAIN = 0.5;
