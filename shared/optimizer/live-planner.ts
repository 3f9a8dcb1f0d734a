import { type ExitCosts, type Latency, latencyOf } from "#shared/evaluator";
import type { Conditions, ExitPolicy, Plan } from "#shared/model";
import type { Constraints } from "./constraints.ts";
import { periodMs } from "./least-period.ts";
import { chance } from "./normal.ts";
import type { Choice, Objective } from "./optimize.ts";
import { listOptions, type Option } from "./options.ts";

/** What stays the same while images come and go. */
export interface LiveProblem {
  /** Of every exit of the model, any order. */
  readonly costs: readonly ExitCosts[];
  /** Ways to let sure exits answer early; without them none does. */
  readonly policies?: readonly ExitPolicy[];
  readonly constraints?: Constraints;
}

/** What is asked each time. */
export interface LiveRequest {
  /** Their spread counts. */
  readonly conditions: Conditions;
  /** The budget of `accuracy` holds with probability `CONFIDENCE`. */
  readonly objective: Objective;
  /** Spent before a plan's latency begins: decoding the image. Counts against the budget. */
  readonly lead?: { readonly ms: number; readonly sdMs: number };
  /** Heavy load: frames arrive this often and their stages overlap. Absent: one image at a time. */
  readonly framesPerSecond?: number;
}

/** A budget is met when it is kept at least this often. */
export const CONFIDENCE = 0.95;

/**
 * How the load is met: the plan for one image keeps up with it; or another one does; or none, and this is the
 * one that sustains most.
 */
export type LoadMode = "latency" | "throughput" | "overload";

/** Which option and which of its heads, and what is expected of them. Overwritten by the next `decide`. */
export interface Decision {
  option: number;
  head: number;
  /** Mean over images, those that an early exit answers included; the lead is not. */
  expectedMs: number;
  /** Of keeping the budget, 0..1; of `latency` and `throughput` 1. */
  probability: number;
  feasible: boolean;
  /** Mean time of the longest stage. */
  periodMs: number;
  mode: LoadMode;
}

/** A decision in words that can be sent. */
export interface LiveChoice extends Choice {
  /** Of an image that no early exit answers. */
  readonly latency: Latency;
  readonly expectedMs: number;
  readonly probability: number;
  readonly mode: LoadMode;
}

const NO_LEAD = { ms: 0, sdMs: 0 } as const;

/**
 * Plans anew for every image: a scan of the envelopes of all options, without allocation.
 *
 * - `accuracy`: the best option by accuracy for which some head keeps the budget with probability
 *   `CONFIDENCE`, and of its heads that do the one of least expected latency: exact over all closed heads for
 *   normal latencies, since both grow with each of a head's three coordinates. If there is none: the least
 *   expected latency of all, marked infeasible.
 * - `latency`, `throughput`: as `optimize`, of expected latency and mean period.
 * - Hysteresis: see `keeps`.
 */
export class LivePlanner {
  /** Best rank first. */
  readonly options: readonly Option[];
  private readonly found: Decision = blank();
  private readonly current: Decision = blank();
  private readonly kept: Decision = blank();
  // The conditions of the request under way, taken apart.
  private readonly now = {
    edge: 1,
    cloud: 1,
    msPerByte: 0,
    msPerDownByte: 0,
    onceMs: 0,
    leadMs: 0,
    leadVariance: 0,
    budgetMs: 0,
    longestMs: Infinity,
    edgeSpread: 0,
    cloudSpread: 0,
    uplinkSpread: 0,
    networkSpread: 0,
    rttSdMs: 0,
    rttMs: 0,
    correlation: 0,
  };

  constructor({ costs, policies = [], constraints = {} }: LiveProblem) {
    this.options = listOptions(costs, policies, constraints);
  }

  /** Where a plan stands here: null when it is no option, or its head is not efficient any more. */
  find(plan: Plan): { readonly option: number; readonly head: number } | null {
    const early = JSON.stringify(plan.early ?? []);
    const option = this.options.findIndex(
      ({ costs, early: own }) => costs.exit === plan.exit && JSON.stringify(own) === early,
    );
    if (option < 0) return null;
    const { envelope, costs } = this.options[option]!;
    const members = new Set(plan.head);
    const { names } = costs.dag;
    const head = envelope.heads.findIndex((member) =>
      names.every((name, node) => members.has(name) === (member[node] === 1)),
    );
    return head < 0 ? null : { option, head };
  }

  /**
   * Decides for the next image.
   *
   * @param previous what was decided last, by `find` or as it was returned: kept unless another is really better
   * @returns null when the constraints leave no plan; else an object of this planner's own
   */
  decide(
    request: LiveRequest,
    previous: { readonly option: number; readonly head: number } | null = null,
  ): Decision | null {
    if (this.options.length === 0) return null;
    const { objective, framesPerSecond } = request;
    // The caller may pass the very object that is written next.
    const before = previous === null ? -1 : previous.option;
    const beforeHead = previous === null ? -1 : previous.head;
    this.read(request);
    const { now, found } = this;
    now.longestMs = Infinity;
    this.search(objective);
    if (before >= 0) this.maybeKeep(objective, before, beforeHead);
    if (framesPerSecond === undefined) return found;
    const limitMs = 1000 / framesPerSecond;
    if (found.periodMs <= limitMs) return found;
    now.longestMs = limitMs;
    if (this.search(objective)) {
      if (before >= 0) this.maybeKeep(objective, before, beforeHead);
      found.mode = "throughput";
      return found;
    }
    now.longestMs = Infinity;
    this.leastPeriod(objective.kind === "accuracy" ? 0 : objective.minAccuracy);
    if (objective.kind === "accuracy") found.feasible = found.probability >= CONFIDENCE;
    found.mode = "overload";
    return found;
  }

  /**
   * The most frames a second that any plan sustains under these conditions, with the accuracy that the
   * objective asks for; `accuracy` asks for none.
   */
  sustainableFps(request: LiveRequest): number {
    if (this.options.length === 0) return 0;
    this.read(request);
    const { objective } = request;
    const { found, kept, now } = this;
    copy(found, kept);
    now.longestMs = Infinity;
    this.leastPeriod(objective.kind === "accuracy" ? 0 : objective.minAccuracy);
    const fps = 1000 / found.periodMs;
    copy(kept, found);
    return fps;
  }

  /** A decision's plan, spelt out. */
  describe({ option: at, head: index, ...decided }: Decision, { conditions }: LiveRequest): LiveChoice {
    const { costs, early, envelope, accuracy, extraMs } = this.options[at]!;
    const { names, successors } = costs.dag;
    const member = envelope.heads[index]!;
    const head = Array.from(member, Boolean);
    const plain = latencyOf(costs, head, conditions);
    const askedMs = conditions.edgeScale * extraMs;
    const { expectedMs, probability, feasible, periodMs: period, mode } = decided;
    return {
      exit: costs.exit,
      head: names.filter((_, node) => head[node]),
      ...(early.length === 0 ? {} : { early }),
      cut: names.filter((_, node) => head[node] && successors[node]!.some((reader) => !head[reader])),
      latency: { ...plain, edgeMs: plain.edgeMs + askedMs, totalMs: plain.totalMs + askedMs },
      periodMs: early.length === 0 ? periodMs(plain) : period,
      accuracy,
      expectedMs,
      probability,
      feasible,
      mode,
    };
  }

  private read({ conditions, objective, lead = NO_LEAD }: LiveRequest): void {
    const { now } = this;
    const { spread } = conditions;
    now.edge = conditions.edgeScale;
    now.cloud = conditions.cloudScale;
    now.msPerByte = 8000 / conditions.uplinkBps;
    now.msPerDownByte = 8000 / conditions.downlinkBps;
    now.rttMs = conditions.rttMs;
    now.onceMs = conditions.rttMs + conditions.queueMs;
    now.leadMs = lead.ms;
    now.leadVariance = lead.sdMs ** 2;
    now.budgetMs = objective.kind === "accuracy" ? objective.budgetMs : Infinity;
    now.edgeSpread = spread.edge;
    now.cloudSpread = spread.cloud;
    now.uplinkSpread = spread.uplink;
    now.networkSpread = spread.network;
    now.rttSdMs = spread.rttMs;
    now.correlation = spread.rttUplink;
  }

  /** Writes the best decision into `found`. @returns false when no head keeps the period's limit */
  private search(objective: Objective): boolean {
    if (objective.kind === "throughput") return this.leastPeriod(objective.minAccuracy);
    if (objective.kind === "latency") return this.fastest(objective.minAccuracy);
    return this.mostAccurate() || this.fastest(0, true);
  }

  /** @returns false when no option keeps the budget */
  private mostAccurate(): boolean {
    const { options, found, current } = this;
    let any = false;
    for (let at = 0; at < options.length; at++) {
      if (any && options[at]!.rank < options[found.option]!.rank) break;
      if (!this.bestWithinBudget(at)) continue;
      if (any && current.expectedMs >= found.expectedMs) continue;
      copy(current, found);
      any = true;
    }
    return any;
  }

  /** The option's head of least expected latency among those that keep the budget, into `current`. */
  private bestWithinBudget(at: number): boolean {
    const { options, current } = this;
    const option = options[at]!;
    const sureShare = this.earlyChance(option);
    // Were the rest always in time it would still not do.
    if (sureShare + option.rest < CONFIDENCE) return false;
    const { count } = option.envelope;
    const fastest = this.fastestHead(option);
    if (fastest >= 0) {
      this.assess(at, fastest, current);
      if (current.probability >= CONFIDENCE) return true;
    }
    let best = -1;
    let bestMs = Infinity;
    for (let head = 0; head < count; head++) {
      const ms = this.headMs(option, head);
      if (ms >= bestMs || this.longestStageMs(option, head) > this.now.longestMs) continue;
      if (sureShare + option.rest * this.headChance(option, head) < CONFIDENCE) continue;
      best = head;
      bestMs = ms;
    }
    if (best < 0) return false;
    this.assess(at, best, current);
    return true;
  }

  /**
   * The fastest option that is accurate enough, ties to the better rank; if none is, the best rank's fastest.
   *
   * @param isBudget whether it stands in for a budget that nobody keeps
   */
  private fastest(minAccuracy: number, isBudget = false): boolean {
    const { options, found, current } = this;
    let any = false;
    for (let at = 0; at < options.length; at++) {
      const feasible = (options[at]!.accuracy ?? 0) >= minAccuracy;
      if (any && found.feasible && !feasible) break;
      if (any && !feasible && options[at]!.rank < options[found.option]!.rank) break;
      const head = this.fastestHead(options[at]!);
      if (head < 0) continue;
      this.assess(at, head, current);
      current.feasible = feasible && !isBudget;
      if (any && current.feasible === found.feasible && current.expectedMs >= found.expectedMs) continue;
      copy(current, found);
      any = true;
    }
    return any;
  }

  private leastPeriod(minAccuracy: number): boolean {
    const { options, found, current, now } = this;
    let any = false;
    for (let at = 0; at < options.length; at++) {
      const option = options[at]!;
      const feasible = (option.accuracy ?? 0) >= minAccuracy;
      if (any && found.feasible && !feasible) break;
      if (any && !feasible && option.rank < options[found.option]!.rank) break;
      for (let head = 0; head < option.envelope.count; head++) {
        const ms = this.longestStageMs(option, head);
        if (ms > now.longestMs) continue;
        if (any) {
          const isAlike = Math.abs(ms - found.periodMs) <= 1e-9 * found.periodMs;
          if (isAlike ? this.expectedMs(option, head) >= found.expectedMs : ms > found.periodMs) continue;
        }
        this.assess(at, head, current);
        current.feasible = feasible;
        copy(current, found);
        any = true;
      }
    }
    return any;
  }

  /**
   * Stays with the previous decision where that is as good as any but for trembling conditions: for `accuracy`
   * it still nearly keeps the budget, and what ranks higher would not clearly keep it; and among equal ranks it
   * is slower by little.
   */
  private maybeKeep(objective: Objective, option: number, head: number): void {
    const { found, kept, options, now } = this;
    if (option >= options.length || head >= options[option]!.envelope.count) return;
    this.assess(option, head, kept);
    if (kept.periodMs > now.longestMs) return;
    const [mine, best] = [options[option]!.rank, options[found.option]!.rank];
    const isCloseMs = kept.expectedMs <= found.expectedMs + Math.max(NEAR_MS, NEAR_SHARE * found.expectedMs);
    if (objective.kind === "accuracy" && found.feasible) {
      if (kept.probability < CONFIDENCE - SLACK) return;
      if (best > mine ? found.probability >= CONFIDENCE + SLACK : best === mine && !isCloseMs) return;
      copy(kept, found);
      return;
    }
    if (objective.kind === "accuracy") kept.feasible = false;
    else kept.feasible = (options[option]!.accuracy ?? 0) >= objective.minAccuracy;
    if (kept.feasible !== found.feasible || mine < best) return;
    const isClose =
      objective.kind === "throughput" ? kept.periodMs <= (1 + NEAR_SHARE) * found.periodMs : isCloseMs;
    if (isClose) copy(kept, found);
  }

  /** Index of an option's head of least latency; -1 if none keeps the period's limit. */
  private fastestHead(option: Option): number {
    const { longestMs } = this.now;
    const { count, hullCount } = option.envelope;
    // The limit is one more that grows with each coordinate: only without it the hull is enough.
    const end = longestMs < Infinity ? count : hullCount;
    let best = -1;
    let bestMs = Infinity;
    for (let head = 0; head < end; head++) {
      const ms = this.headMs(option, head);
      if (ms >= bestMs) continue;
      if (longestMs < Infinity && this.longestStageMs(option, head) > longestMs) continue;
      best = head;
      bestMs = ms;
    }
    return best;
  }

  /** Latency of an image that no early exit answers, but for what these add. */
  private headMs({ envelope, costs }: Option, head: number): number {
    const { now } = this;
    const remoteMs = now.onceMs + now.msPerDownByte * costs.resultBytes;
    return (
      now.edge * envelope.edgeMs[head]! +
      now.cloud * envelope.cloudMs[head]! +
      now.msPerByte * envelope.bytes[head]! +
      envelope.remote[head]! * remoteMs
    );
  }

  private expectedMs(option: Option, head: number): number {
    const { edge } = this.now;
    let ms = option.rest * (this.headMs(option, head) + edge * option.extraMs);
    for (let at = 0; at < option.answers.length; at++) {
      ms += option.answers[at]! * edge * option.answerMs[at]!;
    }
    return ms;
  }

  /** Mean times of edge, uplink and cloud for each image: the longest of them. */
  private longestStageMs(option: Option, head: number): number {
    const { now } = this;
    const { envelope, rest } = option;
    let edgeMs = rest * (envelope.edgeMs[head]! + option.extraMs);
    for (let at = 0; at < option.answers.length; at++) edgeMs += option.answers[at]! * option.answerMs[at]!;
    return Math.max(
      now.edge * edgeMs,
      rest * now.msPerByte * envelope.bytes[head]!,
      rest * now.cloud * envelope.cloudMs[head]!,
    );
  }

  /** Probability that an image is answered by an early exit, and in time. */
  private earlyChance(option: Option): number {
    const { now } = this;
    let share = 0;
    for (let at = 0; at < option.answers.length; at++) {
      const ms = now.edge * option.answerMs[at]!;
      const variance = now.leadVariance + (ms * now.edgeSpread) ** 2;
      share += option.answers[at]! * chance(now.budgetMs - now.leadMs - ms, variance);
    }
    return share;
  }

  /** Probability that an image that no early exit answers is in time: `latencySdMs`, taken apart. */
  private headChance(option: Option, head: number): number {
    const { now } = this;
    const { envelope } = option;
    const edgeMs = now.edge * (envelope.edgeMs[head]! + option.extraMs);
    const totalMs = this.headMs(option, head) + now.edge * option.extraMs;
    const cloudMs = now.cloud * envelope.cloudMs[head]!;
    const uplinkMs = now.msPerByte * envelope.bytes[head]!;
    const remote = envelope.remote[head]!;
    const uplinkSd = uplinkMs * now.uplinkSpread;
    const rttSd = remote * now.rttSdMs;
    const variance =
      now.leadVariance +
      (edgeMs * now.edgeSpread) ** 2 +
      (cloudMs * now.cloudSpread) ** 2 +
      uplinkSd ** 2 +
      rttSd ** 2 +
      2 * now.correlation * uplinkSd * rttSd +
      (remote * (now.rttMs + uplinkMs) * now.networkSpread) ** 2;
    return chance(now.budgetMs - now.leadMs - totalMs, variance);
  }

  private assess(at: number, head: number, into: Decision): void {
    const option = this.options[at]!;
    into.option = at;
    into.head = head;
    into.expectedMs = this.expectedMs(option, head);
    into.probability =
      this.now.budgetMs === Infinity
        ? 1
        : this.earlyChance(option) + option.rest * this.headChance(option, head);
    into.feasible = into.probability >= CONFIDENCE;
    into.periodMs = this.longestStageMs(option, head);
    into.mode = "latency";
  }
}

/** Slower by so much, the more of both, is no reason to move. */
const NEAR_MS = 3;
const NEAR_SHARE = 0.05;
/** The previous plan stays down to this much less than `CONFIDENCE`; a higher rank has to exceed it by as much. */
const SLACK = 0.02;

function blank(): Decision {
  return { option: 0, head: 0, expectedMs: 0, probability: 0, feasible: false, periodMs: 0, mode: "latency" };
}

function copy(from: Decision, to: Decision): void {
  to.option = from.option;
  to.head = from.head;
  to.expectedMs = from.expectedMs;
  to.probability = from.probability;
  to.feasible = from.feasible;
  to.periodMs = from.periodMs;
  to.mode = from.mode;
}
