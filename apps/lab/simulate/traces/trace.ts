import type { RateStep } from "../../rig/rate.ts";

/** What a network carried over time, as somebody measured it. It is played again and again. */
export interface Trace {
  /** The file's folder and name, such as `norway-3g-hsdpa/report.2010-09-13_1003CEST.json`. */
  readonly name: string;
  /** Which of the formats it was read as: see `TRACE_FORMATS`. */
  readonly format: string;
  readonly direction: Direction;
  /** Sum of the steps. */
  readonly durationMs: number;
  /** Stretches of zero bandwidth included; at least one step carries something. */
  readonly steps: readonly RateStep[];
  /** Round trip times measured meanwhile, by time; null where none were. */
  readonly rtt: readonly RttSample[] | null;
}

export interface RttSample {
  /** From the beginning of the trace. */
  readonly atMs: number;
  readonly rttMs: number;
}

/** Which way the measured bytes went. Most files are downlinks: who plays one as an uplink has to say so. */
export type Direction = "uplink" | "downlink" | "not stated";
