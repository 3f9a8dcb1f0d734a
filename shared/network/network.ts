import type { Conditions } from "#shared/model";
import { Link } from "./link.ts";
import type { Observation, QueueReport, ScaleSample } from "./observation.ts";
import { NO_SURPRISE, type Surprise, stretched, surprised } from "./surprise.ts";
import { relativeSpread, startTrack, type Track, track } from "./track.ts";

/** What has been learnt of the conditions so far; never changed, only followed by another. */
export interface NetworkState {
  /** What was assumed at first; the downlink stays as it is here. */
  readonly initial: Conditions;
  /** Not to be moved on: `observe` does so with a copy. */
  readonly link: Link;
  /** What follows from the link. */
  readonly reach: Reach;
  readonly edgeScale: Track;
  readonly cloudScale: Track;
  /** How answers went against what was foretold. */
  readonly surprise: Surprise;
  readonly queueMs: number;
  /** When the service told of its queue last. */
  readonly queueAtMs: number;
}

interface Reach {
  readonly rttMs: number;
  readonly uplinkBps: number;
  readonly restarts: number;
  readonly spread: Pick<Conditions["spread"], "rttMs" | "uplink" | "rttUplink" | "network">;
}

/**
 * Starts with a guess.
 *
 * @param initial its spread says how little the guess means
 */
export function startNetwork(initial: Conditions): NetworkState {
  const { edgeScale, cloudScale, queueMs, spread } = initial;
  const link = Link.start(initial);
  return {
    initial,
    link,
    reach: reachOf(link, 0),
    edgeScale: startTrack(edgeScale, spread.edge),
    cloudScale: startTrack(cloudScale, spread.cloud),
    surprise: NO_SURPRISE,
    queueMs,
    queueAtMs: Number.NEGATIVE_INFINITY,
  };
}

/** For a phone of which nothing is known: RTT and uplink may well be a fifth or five times of this. */
export const FIRST_GUESS: Conditions = {
  rttMs: 50,
  uplinkBps: 10e6,
  downlinkBps: 30e6,
  edgeScale: 1,
  cloudScale: 1,
  queueMs: 0,
  spread: { rttMs: 70, uplink: 1.8, rttUplink: 0, network: 0, edge: 0.5, cloud: 0.5, late: 0, tail: 1 },
};

/** The state after one more observation. Times that are negative or not finite teach nothing. */
export function observe(state: NetworkState, observation: Observation): NetworkState {
  const values = Object.values(observation).filter((value) => typeof value === "number");
  if (!values.every((value) => Number.isFinite(value) && value >= 0)) return state;
  switch (observation.kind) {
    case "transfer":
      return learnRequest(state, observation.elapsedMs, observation, (link, sample) => link.observe(sample));
    case "silence":
      return learnRequest(state, observation.waitedMs, observation, (link, sample) =>
        link.observeSilence(sample),
      );
    case "edge":
      return { ...state, edgeScale: learnScale(state.edgeScale, observation) };
    case "cloud":
      return { ...state, cloudScale: learnScale(state.cloudScale, observation) };
    case "queue":
      return learnQueue(state, observation);
    case "stretch":
      return { ...state, surprise: stretched(state.surprise, observation.ratio) };
    case "way":
      return { ...state, surprise: surprised(state.surprise, observation) };
  }
}

/** The conditions as known now; RTT and uplink such that a request's expected time is its mean. */
export function conditionsOf(state: NetworkState): Conditions {
  const { initial, reach, edgeScale, cloudScale, queueMs, surprise } = state;
  const { stretch, core, late, tail } = surprise;
  const { spread } = reach;
  return {
    rttMs: stretch * reach.rttMs,
    uplinkBps: reach.uplinkBps / stretch,
    restarts: reach.restarts,
    downlinkBps: initial.downlinkBps,
    edgeScale: edgeScale.value,
    cloudScale: cloudScale.value,
    queueMs,
    spread: {
      rttMs: core * stretch * spread.rttMs,
      uplink: core * spread.uplink,
      rttUplink: spread.rttUplink,
      network: core * spread.network,
      edge: surprise.edge * relativeSpread(edgeScale),
      cloud: core * relativeSpread(cloudScale),
      late,
      tail,
    },
  };
}

function learnRequest(
  state: NetworkState,
  elapsedMs: number,
  { atMs, requestBytes, serverMs }: Extract<Observation, { kind: "transfer" | "silence" }>,
  learn: (link: Link, sample: Parameters<Link["observe"]>[0]) => void,
): NetworkState {
  const link = state.link.copy();
  learn(link, { tMs: atMs - elapsedMs, bytes: requestBytes, elapsedMs, serverMs });
  return { ...state, link, reach: reachOf(link, atMs) };
}

/**
 * The link as conditions. Their spread is what a plan's latency is judged by to first order, as if all were
 * normal; the link's own prediction is not: it has outliers, and changes. So the request's own spread is chosen
 * such that both agree on the time that 95 % of requests keep to.
 */
function reachOf(link: Link, atMs: number): Reach {
  const { rttMs, uplinkBps, rttSd, uplinkSd, correlation } = link.estimate();
  const bytes = Math.min(Math.max((rttMs * uplinkBps) / 8000, TYPICAL_BYTES.least), TYPICAL_BYTES.most);
  const uplinkMs = (8000 * bytes) / uplinkBps;
  const [lateMs] = link.predict(atMs, bytes, [0.95]);
  const sdMs = Math.max(0, lateMs! - rttMs - uplinkMs) / Z95;
  const rttSdMs = rttSd * rttMs;
  const uplinkSdMs = uplinkSd * uplinkMs;
  const variance = rttSdMs ** 2 + uplinkSdMs ** 2 + 2 * correlation * rttSdMs * uplinkSdMs;
  const network = Math.sqrt(Math.max(0, sdMs ** 2 - variance)) / (rttMs + uplinkMs);
  const spread = { rttMs: rttSdMs, uplink: uplinkSd, rttUplink: correlation, network };
  return { rttMs, uplinkBps, restarts: link.restartProbability, spread };
}

/** One-sided 95 % quantile of the normal distribution. */
const Z95 = 1.645;
/** The request for which the spread is exact takes half its time on the uplink, within these bounds. */
const TYPICAL_BYTES = { least: 500, most: 200_000 } as const;

function learnScale(scale: Track, sample: ScaleSample): Track {
  if (sample.predictedMs < MIN_PREDICTED_MS) return scale;
  const ratio = sample.measuredMs / sample.predictedMs;
  return track(scale, Math.min(Math.max(ratio, 1 / MAX_SCALE), MAX_SCALE), sample.atMs);
}

/** Shorter segments say more of the clock than of the machine. */
const MIN_PREDICTED_MS = 0.5;
const MAX_SCALE = 100;

/** A queue changes within seconds: what was told before means the less, the longer ago it was. */
function learnQueue(state: NetworkState, { atMs, queueMs }: QueueReport): NetworkState {
  const ageMs = Math.max(0, atMs - state.queueAtMs);
  const kept = QUEUE_KEPT * 0.5 ** (ageMs / QUEUE_HALF_LIFE_MS);
  return {
    ...state,
    queueMs: queueMs + kept * (state.queueMs - queueMs),
    queueAtMs: Math.max(atMs, state.queueAtMs),
  };
}

/** Of what was told just before. */
const QUEUE_KEPT = 0.5;
const QUEUE_HALF_LIFE_MS = 1000;
