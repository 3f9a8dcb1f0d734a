import { codecsOf, type ExitCosts, hasCodecs, type Latency, latencyOf, lossOver } from "#shared/evaluator";
import type { Conditions, ExitPolicy, Plan } from "#shared/model";
import type { Constraints } from "./constraints.ts";
import { periodMs } from "./least-period.ts";
import { putChance } from "./normal.ts";
import type { Choice, Objective } from "./optimize.ts";
import { listOptions, type Option } from "./options.ts";

/** What stays the same while images come and go. */
export interface LiveProblem {
  /** Of every exit of the model, any order; of every wire mode that there is to choose from. */
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
  /** The previous plan is left when so many decisions in a row want to; 1, at once, if not given. */
  readonly patience?: number;
}

/** A budget is met when it is kept at least this often. */
const CONFIDENCE = 0.95;

/**
 * How the load is met: the plan for one image keeps up with it; or another one does; or none, and this is the
 * one that sustains most.
 */
export type LoadMode = "latency" | "throughput" | "overload";

/** Which option and which of its heads, and what is expected of them. Overwritten by the next `decide`. */
export interface Decision {
  readonly option: number;
  readonly head: number;
  /** Mean over images, those that an early exit answers included; the lead is not. */
  readonly expectedMs: number;
  /** Of keeping the budget, 0..1; of `latency` and `throughput` 1. */
  readonly probability: number;
  readonly feasible: boolean;
  /** Mean time of the longest stage. */
  readonly periodMs: number;
  readonly mode: LoadMode;
}

/** A decision that can be written again and again: numbers in an array are never boxed. */
class DecisionSlot implements Decision {
  option = 0;
  head = 0;
  feasible = false;
  mode: LoadMode = "latency";
  /** Expected latency, probability, period. */
  readonly numbers = new Float64Array(3);

  get expectedMs(): number {
    return this.numbers[0]!;
  }

  get probability(): number {
    return this.numbers[1]!;
  }

  get periodMs(): number {
    return this.numbers[2]!;
  }

  copy(from: DecisionSlot): void {
    this.option = from.option;
    this.head = from.head;
    this.feasible = from.feasible;
    this.mode = from.mode;
    this.numbers.set(from.numbers);
  }
}

/** A decision in words that can be sent. */
export interface LiveChoice extends Choice {
  /** Of an image that no early exit answers. */
  readonly latency: Latency;
  /** By early exit: of an image that it answers. All of it is spent on the edge. */
  readonly earlyMs: readonly number[];
  readonly expectedMs: number;
  readonly probability: number;
  readonly mode: LoadMode;
}

/** Places in `out`. The methods that read `times` want the head timed by `timeHead` before. */
const OUT = { expectedMs: 0, periodMs: 1, early: 2, chance: 3 } as const;

const NO_LEAD = { ms: 0, sdMs: 0 } as const;

/**
 * Plans anew for every image: a scan of the envelopes of all options, without allocation.
 *
 * - `accuracy`: the best option by accuracy for which some head keeps the budget with probability
 *   `CONFIDENCE`, and of its heads that do the one of least expected latency: exact over all closed heads for
 *   normal latencies, since their mean and their quantile grow with each of a head's three coordinates (the
 *   quantile as long as 1.645 * spread.uplink * -spread.rttUplink is below 1). If there is none: the least
 *   expected latency of all, marked infeasible.
 * - `latency`, `throughput`: as `optimize`, of expected latency and mean period.
 * - Hysteresis: see `isGoodEnough`, and `LiveRequest.patience`.
 */
export class LivePlanner {
  /** Best rank first. */
  readonly options: readonly Option[];
  /** By head of the option under scan: what `timeHead` left. */
  private readonly times: Float64Array;
  /** What the other methods below leave: a number that is returned would be boxed. See `OUT`. */
  private readonly out = new Float64Array(4);
  private readonly found = new DecisionSlot();
  private readonly current = new DecisionSlot();
  private readonly kept = new DecisionSlot();
  /** So many decisions in a row have wanted to leave the previous plan. */
  private wishes = 0;
  /** The conditions of the request under way, taken apart. */
  private readonly now = {
    edge: Number.NaN,
    cloud: Number.NaN,
    msPerByte: Number.NaN,
    msPerDownByte: Number.NaN,
    onceMs: Number.NaN,
    leadMs: Number.NaN,
    leadVariance: Number.NaN,
    budgetMs: Number.NaN,
    longestMs: Number.NaN,
    edgeSpread: Number.NaN,
    cloudSpread: Number.NaN,
    uplinkSpread: Number.NaN,
    networkSpread: Number.NaN,
    rttSdMs: Number.NaN,
    rttMs: Number.NaN,
    correlation: Number.NaN,
  };

  constructor({ costs, policies = [], constraints = {} }: LiveProblem) {
    this.options = listOptions(costs, policies, constraints);
    this.times = new Float64Array(Math.max(0, ...this.options.map(({ envelope }) => envelope.count)));
  }

  /** Where a plan stands here: null when it is no option, or its head is not efficient any more. */
  find(plan: Plan): { readonly option: number; readonly head: number } | null {
    const early = JSON.stringify(plan.early ?? []);
    const members = new Set(plan.head);
    // All-edge, and cuts that travel alike, stand in several wire modes: the most is promised by the best of them.
    let found: { readonly option: number; readonly head: number } | null = null;
    for (const [option, { costs, early: own, envelope, promised }] of this.options.entries()) {
      if (costs.exit !== plan.exit || JSON.stringify(own) !== early) continue;
      if (!hasCodecs(costs, plan.codecs ?? {})) continue;
      const { names } = costs.dag;
      const head = envelope.heads.findIndex((member) =>
        names.every((name, node) => members.has(name) === (member[node] === 1)),
      );
      const isBetter = found === null || (this.options[found.option]!.promised ?? 0) < (promised ?? 0);
      if (head >= 0 && isBetter) found = { option, head };
    }
    return found;
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
    const limitMs = framesPerSecond === undefined ? Infinity : 1000 / framesPerSecond;
    const keepsUp = found.periodMs <= limitMs;
    now.longestMs = limitMs;
    if (!keepsUp && !this.search(objective)) {
      now.longestMs = Infinity;
      this.leastPeriod(objective.kind === "accuracy" ? 0 : objective.minAccuracy);
      if (objective.kind === "accuracy") found.feasible = found.probability >= CONFIDENCE;
      found.mode = "overload";
      return found;
    }
    // Under load the previous plan has to keep up too.
    if (before >= 0) this.maybeKeep(request, before, beforeHead);
    found.mode = keepsUp ? "latency" : "throughput";
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
    kept.copy(found);
    now.longestMs = Infinity;
    this.leastPeriod(objective.kind === "accuracy" ? 0 : objective.minAccuracy);
    const fps = 1000 / found.periodMs;
    found.copy(kept);
    return fps;
  }

  /** A decision's plan, spelt out. */
  describe(decision: Decision, { conditions }: LiveRequest): LiveChoice {
    const { option: at, head: index, expectedMs, probability, feasible, periodMs: period, mode } = decision;
    const { costs, early, answerMs, envelope, accuracy, extraMs, rest } = this.options[at]!;
    const { names, successors } = costs.dag;
    const member = envelope.heads[index]!;
    const head = Array.from(member, Boolean);
    const plain = latencyOf(costs, head, conditions);
    const askedMs = conditions.edgeScale * extraMs;
    const crosses = (node: number): boolean =>
      head[node]! && successors[node]!.some((reader) => !head[reader]);
    const cut = names.filter((_, node) => crosses(node));
    const codecs = codecsOf(costs, cut);
    return {
      exit: costs.exit,
      head: names.filter((_, node) => head[node]),
      ...(early.length === 0 ? {} : { early }),
      ...(codecs === undefined ? {} : { codecs }),
      cut,
      latency: { ...plain, edgeMs: plain.edgeMs + askedMs, totalMs: plain.totalMs + askedMs },
      earlyMs: Array.from(answerMs, (ms) => conditions.edgeScale * ms),
      periodMs: early.length === 0 ? periodMs(plain) : period,
      accuracy: accuracy === null ? null : accuracy - rest * lossOver(costs, crosses),
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
      found.copy(current);
      any = true;
    }
    return any;
  }

  /** The option's head of least expected latency among those that keep the budget, into `current`. */
  private bestWithinBudget(at: number): boolean {
    const { options, current } = this;
    const option = options[at]!;
    this.earlyChance(option);
    const sureShare = this.out[OUT.early]!;
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
      this.timeHead(option, head);
      const ms = this.times[head]!;
      if (ms >= bestMs || !this.keepsPeriod(option, head)) continue;
      this.headChance(option, head);
      if (sureShare + option.rest * this.out[OUT.chance]! < CONFIDENCE) continue;
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
      const option = options[at]!;
      // Where all-edge alone is accurate enough, that is the head: the first one.
      const isEdgeOnly =
        !(promiseOf(option, 1) >= minAccuracy) &&
        option.envelope.remote[0] === 0 &&
        promiseOf(option, 0) >= minAccuracy &&
        this.keepsPeriod(option, 0);
      const feasible = isEdgeOnly || promiseOf(option, 1) >= minAccuracy;
      if (any && found.feasible && !feasible) continue;
      if (any && !feasible && option.rank < options[found.option]!.rank) continue;
      const head = isEdgeOnly ? 0 : this.fastestHead(option);
      if (head < 0) continue;
      this.assess(at, head, current);
      current.feasible = feasible && !isBudget;
      if (any && current.feasible === found.feasible && current.expectedMs >= found.expectedMs) continue;
      found.copy(current);
      any = true;
    }
    return any;
  }

  private leastPeriod(minAccuracy: number): boolean {
    const { options, found, current } = this;
    let any = false;
    for (let at = 0; at < options.length; at++) {
      const option = options[at]!;
      for (let head = 0; head < option.envelope.count; head++) {
        const feasible = promiseOf(option, option.envelope.remote[head]!) >= minAccuracy;
        if (any && found.feasible && !feasible) continue;
        if (any && !feasible && option.rank < options[found.option]!.rank) continue;
        if (!this.keepsPeriod(option, head)) continue;
        this.assess(at, head, current);
        if (any && feasible === found.feasible) {
          const longerMs = current.periodMs - found.periodMs;
          const isAlike = Math.abs(longerMs) <= 1e-9 * found.periodMs;
          if (isAlike ? current.expectedMs >= found.expectedMs : longerMs > 0) continue;
        }
        current.feasible = feasible;
        found.copy(current);
        any = true;
      }
    }
    return any;
  }

  /** Stays with the previous decision where that is good enough, or until there was patience enough. */
  private maybeKeep({ objective, patience = 1 }: LiveRequest, option: number, head: number): void {
    const { found, kept, options } = this;
    if (option >= options.length || head >= options[option]!.envelope.count) return;
    this.assess(option, head, kept);
    if (kept.periodMs > this.now.longestMs) return;
    if (objective.kind !== "accuracy") {
      const own = options[option]!;
      kept.feasible = promiseOf(own, own.envelope.remote[head]!) >= objective.minAccuracy;
    } else if (!found.feasible) kept.feasible = false;
    const isSame = option === found.option && head === found.head;
    const isContent = isSame || this.isGoodEnough(objective);
    this.wishes = isContent ? 0 : this.wishes + 1;
    if (isContent || this.wishes < patience) found.copy(kept);
    else this.wishes = 0;
  }

  /**
   * Whether what is kept is as good as what was found but for trembling conditions: for `accuracy` it still nearly
   * keeps the budget, and what ranks higher would not clearly keep it; and among equal ranks it is slower by little.
   */
  private isGoodEnough(objective: Objective): boolean {
    const { found, kept, options } = this;
    const mine = options[kept.option]!.rank;
    const best = options[found.option]!.rank;
    const isCloseMs = kept.expectedMs <= found.expectedMs + Math.max(NEAR_MS, NEAR_SHARE * found.expectedMs);
    if (objective.kind === "accuracy" && found.feasible) {
      if (kept.probability < STAYS) return false;
      if (best > mine) return found.probability < CLIMBS;
      return best < mine || isCloseMs;
    }
    if (kept.feasible !== found.feasible || mine < best) return false;
    return objective.kind === "throughput" ? kept.periodMs <= (1 + NEAR_SHARE) * found.periodMs : isCloseMs;
  }

  /** Index of an option's head of least latency; -1 if none keeps the period's limit. */
  private fastestHead(option: Option): number {
    const { count, hullCount } = option.envelope;
    // The limit is one more that grows with each coordinate: only without it the hull is enough.
    const end = this.now.longestMs < Infinity ? count : hullCount;
    let best = -1;
    let bestMs = Infinity;
    for (let head = 0; head < end; head++) {
      this.timeHead(option, head);
      const ms = this.times[head]!;
      if (ms >= bestMs || !this.keepsPeriod(option, head)) continue;
      best = head;
      bestMs = ms;
    }
    return best;
  }

  /** Latency of an image that no early exit answers, but for what these add: into `times`. */
  private timeHead({ envelope, costs }: Option, head: number): void {
    const { now } = this;
    const remoteMs = now.onceMs + now.msPerDownByte * costs.resultBytes;
    this.times[head] =
      now.edge * envelope.edgeMs[head]! +
      now.cloud * envelope.cloudMs[head]! +
      now.msPerByte * envelope.bytes[head]! +
      envelope.remote[head]! * remoteMs;
  }

  private expectedMs({ rest, extraMs, answeredMs }: Option, head: number): void {
    const { edge } = this.now;
    this.out[OUT.expectedMs] = rest * (this.times[head]! + edge * extraMs) + edge * answeredMs;
  }

  /** Mean times of edge, uplink and cloud for each image: the longest of them. */
  private longestStageMs({ envelope, rest, extraMs, answeredMs }: Option, head: number): void {
    const { now } = this;
    this.out[OUT.periodMs] = Math.max(
      now.edge * (rest * (envelope.edgeMs[head]! + extraMs) + answeredMs),
      rest * now.msPerByte * envelope.bytes[head]!,
      rest * now.cloud * envelope.cloudMs[head]!,
    );
  }

  private keepsPeriod(option: Option, head: number): boolean {
    const { longestMs } = this.now;
    if (longestMs === Infinity) return true;
    this.longestStageMs(option, head);
    return this.out[OUT.periodMs]! <= longestMs;
  }

  /** Probability that an image is answered by an early exit, and in time. */
  private earlyChance({ answers, answerMs }: Option): void {
    const { now } = this;
    let share = 0;
    for (let at = 0; at < answers.length; at++) {
      const ms = now.edge * answerMs[at]!;
      const variance = now.leadVariance + (ms * now.edgeSpread) ** 2;
      putChance(now.budgetMs - now.leadMs - ms, variance, this.out, OUT.chance);
      share += answers[at]! * this.out[OUT.chance]!;
    }
    this.out[OUT.early] = share;
  }

  /** Probability that an image that no early exit answers is in time: `latencySdMs`, taken apart. */
  private headChance(option: Option, head: number): void {
    const { now } = this;
    const { envelope } = option;
    const edgeMs = now.edge * (envelope.edgeMs[head]! + option.extraMs);
    const totalMs = this.times[head]! + now.edge * option.extraMs;
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
    putChance(now.budgetMs - now.leadMs - totalMs, variance, this.out, OUT.chance);
  }

  private assess(at: number, head: number, into: DecisionSlot): void {
    const option = this.options[at]!;
    this.timeHead(option, head);
    into.option = at;
    into.head = head;
    this.expectedMs(option, head);
    into.numbers[0] = this.out[OUT.expectedMs]!;
    if (this.now.budgetMs === Infinity) into.numbers[1] = 1;
    else {
      this.earlyChance(option);
      this.headChance(option, head);
      into.numbers[1] = this.out[OUT.early]! + option.rest * this.out[OUT.chance]!;
    }
    into.feasible = into.probability >= CONFIDENCE;
    this.longestStageMs(option, head);
    into.numbers[2] = this.out[OUT.periodMs]!;
    into.mode = "latency";
  }
}

/** @param remote 1 when something travels */
function promiseOf({ accuracy, promised }: Option, remote: number): number {
  return (remote === 1 ? promised : accuracy) ?? 0;
}

/** Slower by so much, the more of both, is no reason to move. */
const NEAR_MS = 3;
const NEAR_SHARE = 0.05;
/**
 * The previous plan stays while it keeps the budget this often, and what ranks higher has to promise so much: 1.3
 * and 2 standard deviations, where `CONFIDENCE` has 1.6. Estimates of a few samples tremble by as much.
 */
const STAYS = 0.9;
const CLIMBS = 0.977;
