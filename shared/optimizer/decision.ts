/** A budget is met when it is kept at least this often. */
export const CONFIDENCE = 0.95;
/** What that may cost: where plans that meet it are worth less than others by more, it is not insisted on. 5 points. */
export const PROMISE_WORTH = 0.05;
/** An insurance ends by the budget this often, and starts so that it does. */
export const INSURANCE = 0.99;
/** The insurance of a plan that is in use stays one while it ends by the budget this often. */
export const INSURANCE_STAYS = 0.975;
/** So much expected accuracy in time is no reason to work twice, or to take longer: 0.2 points. */
export const NEAR_WORTH = 0.002;
/** Timers are late by so much at least. */
const TIMER_MS = 10;
/** Where there is time, so much of the budget is left to timers, since those of a busy machine are later than that. */
const TIMER_SHARE = 0.03;
/** Of long budgets no more than this. */
const MOST_TIMER_MS = 60;

/**
 * So much before the budget's end nobody counts on a timer any more: insurances start, and answers at hand are given,
 * that much earlier.
 *
 * @param budgetMs or Infinity
 */
export function timerMs(budgetMs: number): number {
  return Math.max(TIMER_MS, Math.min(TIMER_SHARE * budgetMs, MOST_TIMER_MS));
}

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
  /** Which of the option's insurers stands in when the reply is late; -1 for none. */
  readonly insurer: number;
  /** Mean over images, those that an early exit answers included; the lead is not, nor what an insurance takes. */
  readonly expectedMs: number;
  /** Of an answer within the budget, the insurance's included, 0..1; of `latency` and `throughput` 1. */
  readonly probability: number;
  /** Expected top-1 in time, late answers counted as wrong; only for `accuracy`. */
  readonly worth: number;
  /** Share of the images for which the insurance is started. */
  readonly twice: number;
  readonly feasible: boolean;
  /** Mean time of the longest stage, were every image that no early exit answers worked twice. */
  readonly periodMs: number;
  readonly mode: LoadMode;
}

/** A decision that is written again and again. */
export type DecisionSlot = { -readonly [field in keyof Decision]: Decision[field] };

export function emptySlot(): DecisionSlot {
  return {
    option: 0,
    head: 0,
    insurer: -1,
    expectedMs: 0,
    probability: 0,
    worth: 0,
    twice: 0,
    feasible: false,
    periodMs: 0,
    mode: "latency",
  };
}

export function copySlot(from: Decision, to: DecisionSlot): void {
  to.option = from.option;
  to.head = from.head;
  to.insurer = from.insurer;
  to.expectedMs = from.expectedMs;
  to.probability = from.probability;
  to.worth = from.worth;
  to.twice = from.twice;
  to.feasible = from.feasible;
  to.periodMs = from.periodMs;
  to.mode = from.mode;
}
