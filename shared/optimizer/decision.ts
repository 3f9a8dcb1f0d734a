/** A budget is met when it is kept at least this often. */
export const CONFIDENCE = 0.95;

/**
 * How the load is met: the plan for one image keeps up with it; or another one does; or none, and this is the
 * one that sustains most.
 */
export type LoadMode = "latency" | "throughput" | "overload";

/** An option, and one of the heads of its envelope. */
export interface Spot {
  readonly option: number;
  readonly head: number;
}

/** What was decided, and what is expected of it. */
export interface Decision extends Spot {
  /** Mean over images, those that an early exit answers included; the lead is not. */
  readonly expectedMs: number;
  /** Of keeping the budget, 0..1; of `latency` and `throughput` 1. */
  readonly probability: number;
  readonly feasible: boolean;
  /** Mean time of the longest stage. */
  readonly periodMs: number;
  readonly mode: LoadMode;
}

/** A decision that is written again and again. */
export type DecisionSlot = { -readonly [field in keyof Decision]: Decision[field] };

export function emptySlot(): DecisionSlot {
  return { option: 0, head: 0, expectedMs: 0, probability: 0, feasible: false, periodMs: 0, mode: "latency" };
}

export function copySlot(from: Decision, to: DecisionSlot): void {
  to.option = from.option;
  to.head = from.head;
  to.expectedMs = from.expectedMs;
  to.probability = from.probability;
  to.feasible = from.feasible;
  to.periodMs = from.periodMs;
  to.mode = from.mode;
}
