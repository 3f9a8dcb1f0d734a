import type { Conditions } from "#shared/model";
import type { CloudState } from "./cloud-watch.ts";

/** What decides on the next probe; times on one clock, -Infinity for never. */
export interface ProbeState {
  readonly visible: boolean;
  /** An image is under way whose plan sends something: probes would delay it and be delayed by it. */
  readonly sending: boolean;
  readonly cloud: CloudState;
  /** Whether the cloud takes uplink probes: a service of ours does. */
  readonly takesUplink: boolean;
  /** Those that have told something of the link. */
  readonly rttProbes: number;
  readonly lastRttAt: number;
  readonly uplinkProbes: number;
  /** Bytes that uplink probes have sent lately, see `UPLINK_ALLOWANCE`. */
  readonly spentBytes: number;
  /** When a transfer last told the uplink, an image's or a probe's. */
  readonly lastUplinkAt: number;
  readonly lastAnswerAt: number;
}

export type Probe = "rtt" | "uplink";

const OFTEN_MS = 300;
const SELDOM_MS = 2000;
/** While the service is down: its return should be seen soon. */
const DOWN_MS = 1000;
const FIRST_PROBES = 4;
/** A small one of unknown length, and those whose sizes follow from it. */
const FIRST_UPLINK_PROBES = 3;
const UPLINK_PAUSE_MS = 150;
/** Uplink probes cost the user's data: at most so many bytes in so long a time. */
export const UPLINK_ALLOWANCE = { bytes: 384 << 10, inMs: 20_000 } as const;
/** While nobody uses the page the uplink is measured this often only. */
const UPLINK_IDLE_MS = 30_000;
/** And not at all this long after the last answer. */
const ASLEEP_MS = 120_000;

/**
 * What to probe now, if anything.
 *
 * Uplink: at first, and after any answer that did not tell it. Without that an all-edge plan would never see
 * the link get better. RTT: often at first and after answers, then every 2 s.
 */
export function nextProbe(state: ProbeState, now: number): Probe | null {
  if (!state.visible || state.sending) return null;
  const { cloud } = state;
  if (state.takesUplink && state.rttProbes > 0 && cloud === "up" && wantsUplink(state, now)) return "uplink";
  const isUp = cloud === "up" || cloud === "unknown";
  const isFresh = state.rttProbes < FIRST_PROBES || state.lastAnswerAt > state.lastRttAt;
  const pause = !isUp ? DOWN_MS : isFresh ? OFTEN_MS : SELDOM_MS;
  return now - state.lastRttAt >= pause ? "rtt" : null;
}

function wantsUplink(state: ProbeState, now: number): boolean {
  const { uplinkProbes, spentBytes, lastUplinkAt, lastRttAt, lastAnswerAt } = state;
  if (spentBytes + LEAST_BYTES > UPLINK_ALLOWANCE.bytes) return false;
  const isRested = now - lastUplinkAt >= UPLINK_PAUSE_MS;
  // One that has told nothing is not repeated at once.
  if (uplinkProbes < FIRST_UPLINK_PROBES) return uplinkProbes > 0 || isRested || lastUplinkAt < lastRttAt;
  if (lastAnswerAt > lastUplinkAt) return isRested;
  return now - lastAnswerAt < ASLEEP_MS && now - lastUplinkAt >= UPLINK_IDLE_MS;
}

/** Larger ones would clog a link that has just become slow for seconds. */
const MOST_BYTES = 64 << 10;
const LEAST_BYTES = 8 << 10;
/** How long a probe should take on the uplink at least: long against a clock step, short for a user. */
const PROBE_MS = 20;

/** Bytes for an uplink probe that takes as long on the uplink as an RTT: then it tells both alike. */
export function probeBytes({ uplinkBps, rttMs }: Conditions, isFirst: boolean): number {
  if (isFirst) return LEAST_BYTES;
  const bytes = (uplinkBps * Math.max(PROBE_MS, rttMs)) / 8000;
  return Math.round(Math.min(Math.max(bytes, LEAST_BYTES), MOST_BYTES));
}

/** Whether a request of that size says anything of the uplink, or is lost in the RTT's noise. */
export function tellsUplink(requestBytes: number, { uplinkBps, rttMs }: Conditions): boolean {
  return (8000 * requestBytes) / uplinkBps >= Math.max(3, 0.15 * rttMs);
}

/** Bytes of a probe beside its body: fewer than an inference request has. */
export const PROBE_HEADER_BYTES = 500;
/** Nobody waits longer for a probe's reply. */
export const PROBE_TIMEOUT_MS: Readonly<Record<Probe, number>> = { rtt: 2500, uplink: 4000 };
/** How often it is asked whether a probe is due. */
export const PROBE_TICK_MS = 100;
