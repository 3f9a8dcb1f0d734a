/** What is true now of network, edge and cloud. */
export interface Conditions {
  /** Round trip of a small message, above or equal to 0. */
  readonly rttMs: number;
  /** Bits per second, above 0. */
  readonly uplinkBps: number;
  /** How probable it is that a request begins slow start anew, since the link was silent before, 0..1; 0, if not given. */
  readonly restarts?: number;
  readonly downlinkBps: number;
  /** Measured over predicted time of the edge profile, above 0; 1 on the profiled device, unloaded. */
  readonly edgeScale: number;
  /** The same for the cloud profile. */
  readonly cloudScale: number;
  /** How long a request waits in the cloud before its tail starts. */
  readonly queueMs: number;
  readonly spread: Spread;
}

/** Conditions that are waited for as if they were so, on top of what is: nothing gets better than it is by them. */
export interface SimulatedConditions {
  /** A request and its reply take at least so long, beside the bytes on the uplink and the work in the cloud. */
  readonly rttMs: number;
  /** Bits per second, above 0: a request's bytes take at least so long. */
  readonly uplinkBps: number;
  /** A request waits at least so long in the cloud before its tail starts. */
  readonly queueMs: number;
  /** So many times as long the edge computes, 1 or more. */
  readonly slowdown: number;
}

/** How far the next image may find the conditions from what was estimated: standard deviations, and what these leave out. */
export interface Spread {
  readonly rttMs: number;
  /** Relative: 0.2 means +-20 % in the time on the uplink. */
  readonly uplink: number;
  /** Correlation of RTT and time on the uplink, -1..1: learnt from the same requests, one makes up for the other. */
  readonly rttUplink: number;
  /** Relative, of one request's time on the network about what RTT and uplink say. */
  readonly network: number;
  /** Relative, of the edge's times. */
  readonly edge: number;
  /** Relative, of the cloud's times. */
  readonly cloud: number;
  /** Share of requests that come far too late, whatever the spread says, 0..1. */
  readonly late: number;
  /** So many times as far off as the spread says lies the time that 95 % of the requests keep to. */
  readonly tail: number;
}

/** Conditions known exactly, as simulations have them. */
export const NO_SPREAD: Spread = {
  rttMs: 0,
  uplink: 0,
  rttUplink: 0,
  network: 0,
  edge: 0,
  cloud: 0,
  late: 0,
  tail: 1,
};
