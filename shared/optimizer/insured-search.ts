import type { Chance } from "./chance.ts";
import {
  CONFIDENCE,
  copySlot,
  type DecisionSlot,
  emptySlot,
  INSURANCE,
  INSURANCE_STAYS,
  NEAR_WORTH,
  PROMISE_WORTH,
} from "./decision.ts";
import { type Family, familiesOf } from "./family.ts";
import { SURE_Z } from "./likelihood.ts";
import { quantileOf } from "./normal.ts";
import type { Option } from "./options.ts";

/**
 * Looks for the plan of most expected accuracy in time, over options, heads and insurances together. A plan's worth is
 *
 *   sum over early exits of share * top-1 * P(in time)
 *   + rest * (P(reply in time) * its top-1 + P(late) * INSURANCE * top-1 of the insurance)
 *
 * Plans that answer within the budget with probability `CONFIDENCE` come first, unless they are all worth less than the
 * best by more than `PROMISE_WORTH`. Of all that are worth within `NEAR_WORTH` of the most, the one that works twice
 * least, in tenths of the images, then the fastest. An insurance starts so that it ends by the budget with probability `INSURANCE`: the latest moment,
 * or when the head has run, if it still does then. Heads that are efficient in time, bytes and what an insurance has
 * left are enough (`insureEnvelope`), since chances fall with each of them: exact over all closed heads.
 */
export class InsuredSearch {
  private readonly options: readonly Option[];
  private readonly chance: Chance;
  /** By option. */
  private readonly families: readonly Family[];
  private readonly distinct: readonly Family[];
  /** By option: the most that it may be worth whatever the chances, and does; -1 where that cannot be near the best. */
  private readonly mostWorth: Float64Array;
  private readonly worths: Float64Array;
  /** The same of its heads that keep the promise. */
  private readonly promised: Float64Array;
  private readonly current = emptySlot();
  private longestMs = Infinity;
  /** How often the plan must be in time. */
  private leastChance = 0;

  constructor(options: readonly Option[], chance: Chance) {
    this.options = options;
    this.chance = chance;
    this.families = familiesOf(options);
    this.distinct = [...new Set(this.families)];
    this.mostWorth = Float64Array.from(options, mostWorth);
    this.worths = new Float64Array(options.length);
    this.promised = new Float64Array(options.length);
  }

  /**
   * Writes the best decision into `found`.
   *
   * @param longestMs no stage may take longer
   * @returns false when no plan that keeps to that is ever in time
   */
  run(found: DecisionSlot, longestMs: number): boolean {
    const { options, families, mostWorth, worths, promised, chance } = this;
    this.longestMs = longestMs;
    for (let at = 0; at < this.distinct.length; at++) this.distinct[at]!.begin(chance);
    let most = 0;
    let mostPromised = 0;
    for (let at = 0; at < options.length; at++) {
      worths[at] = -1;
      promised[at] = -1;
      if (mostWorth[at]! < Math.max(most - PROMISE_WORTH, mostPromised) - NEAR_WORTH) continue;
      const family = families[at]!;
      const isSure = longestMs === Infinity && family.isSure(chance);
      if (!isSure) family.scan(chance, options[at]!, longestMs);
      this.rate(at, family, isSure);
      if (worths[at]! > most) most = worths[at]!;
      if (promised[at]! > mostPromised) mostPromised = promised[at]!;
    }
    if (most <= 0) return false;
    const isPromised = mostPromised > 0 && mostPromised >= most - PROMISE_WORTH;
    this.leastChance = isPromised ? CONFIDENCE : 0;
    this.choose(isPromised ? promised : worths, (isPromised ? mostPromised : most) - NEAR_WORTH, found);
    return found.option >= 0;
  }

  /** Writes the best of all that are worth enough into `found`. */
  private choose(worths: Float64Array, least: number, found: DecisionSlot): void {
    const { options, families, current } = this;
    found.option = -1;
    for (let at = 0; at < options.length && this.longestMs === Infinity; at++) {
      if (worths[at]! < least) continue;
      const isTaken = this.offer(at, families[at]!.fastest, found, least);
      // Nothing of this option is faster, and nothing can work twice less.
      if (isTaken && tenths(current.twice) === 0) worths[at] = -1;
    }
    for (let at = 0; at < options.length; at++) {
      if (worths[at]! >= least) this.offerAll(at, found, least);
    }
  }

  /**
   * Enters what is expected of a head with its best insurance.
   *
   * @param least   so much worth is enough: then less double work is better
   * @param isInUse whether its plan is
   */
  assess(at: number, head: number, into: DecisionSlot, least: number, isInUse: boolean): void {
    const { chance, longestMs } = this;
    const option = this.options[at]!;
    const family = this.families[at]!;
    const { insurers, rest, right, envelope } = option;
    const ms = chance.restMs(option, head);
    const sdMs = family.sdOf(chance, head);
    const inTime = chance.of(chance.deviationsOf(ms, sdMs), envelope.remote[head]!);
    const plain = earlyWorth(option, family) + rest * inTime * right;
    const often = isInUse ? INSURANCE_STAYS : INSURANCE;
    const early = earlyChance(option, family);
    const missed = rest * (1 - inTime) * often;
    let insurer = -1;
    let worth = plain;
    let probability = early + rest * inTime;
    let twice = 0;
    const count = envelope.remote[head] === 1 ? insurers.length : 0;
    for (let index = 0; index < count; index++) {
      const finishMs = insurers[index]!.finishMs[head]!;
      if (!chance.mayInsure(option, head, finishMs, longestMs, isInUse)) continue;
      const own = plain + missed * insurers[index]!.right;
      const ownTwice = rest * (1 - chance.ofOnce(ms, sdMs, finishMs));
      const isEnough = this.isEnough(own, early + rest * inTime + missed, least);
      const wasEnough = this.isEnough(worth, probability, least);
      const more = isEnough && wasEnough ? tenths(ownTwice) - tenths(twice) : 0;
      if (isEnough === wasEnough ? more > 0 || (more === 0 && own <= worth) : wasEnough) continue;
      insurer = index;
      worth = own;
      probability = early + rest * inTime + missed;
      twice = ownTwice;
    }
    into.option = at;
    into.head = head;
    into.insurer = insurer;
    into.expectedMs = chance.expectedMs(option, head);
    into.worth = worth;
    into.twice = twice;
    into.probability = probability;
    into.feasible = isPromise(probability);
    into.periodMs = chance.periodMs(option, head, insurer < 0 ? 0 : insurers[insurer]!.finishMs[head]!);
    into.mode = "latency";
  }

  /** Enters the most that a head of this option is worth, and that one which keeps the promise is. */
  private rate(at: number, family: Family, isSure: boolean): void {
    const { insurers } = this.options[at]!;
    const { chance } = this;
    const { deviations } = family;
    if (isSure) {
      this.enter(at, family, 1, 0, 0);
      return;
    }
    for (let remote = 0; remote <= 1; remote++) {
      // None where no head keeps the period.
      const z = deviations[deviations.length - 1 - remote]!;
      if (z > -Infinity) this.enter(at, family, chance.of(z, remote), 0, 0);
    }
    for (let index = 0; index < insurers.length; index++) {
      const insurer = insurers[index]!;
      const z = deviations[insurer.at]!;
      if (z > -Infinity) this.enter(at, family, chance.of(z, 1), INSURANCE, insurer.right);
    }
  }

  /** @param often, late how often an insurance is in time, and its top-1 */
  private enter(at: number, family: Family, inTime: number, often: number, late: number): void {
    const { worths, promised } = this;
    const option = this.options[at]!;
    const { rest, right } = option;
    const missed = (1 - inTime) * often;
    const worth = earlyWorth(option, family) + rest * (inTime * right + missed * late);
    if (worth > worths[at]!) worths[at] = worth;
    if (worth <= promised[at]!) return;
    if (isPromise(earlyChance(option, family) + rest * (inTime + missed))) promised[at] = worth;
  }

  private offerAll(at: number, found: DecisionSlot, least: number): void {
    const { chance, longestMs } = this;
    const option = this.options[at]!;
    const family = this.families[at]!;
    const leastZ = leastDeviations(option, earlyWorth(option, family), least);
    for (let head = 0; head < option.envelope.insuredCount; head++) {
      const isSettled = found.option >= 0 && tenths(found.twice) === 0;
      if (isSettled && chance.expectedMs(option, head) > found.expectedMs) continue;
      if (longestMs < Infinity && chance.periodMs(option, head, 0) > longestMs) continue;
      if (chance.deviationsOf(chance.restMs(option, head), family.sdOf(chance, head)) < leastZ) continue;
      this.offer(at, head, found, least);
    }
  }

  /** Takes a head if it is better than what was found. @returns whether it is worth enough */
  private offer(at: number, head: number, found: DecisionSlot, least: number): boolean {
    const { current } = this;
    this.assess(at, head, current, least, false);
    if (!this.isEnough(current.worth, current.probability, least)) return false;
    if (found.option >= 0) {
      const more = tenths(current.twice) - tenths(found.twice);
      if (more > 0) return true;
      if (more === 0 && current.expectedMs > found.expectedMs) return true;
      if (more === 0 && current.expectedMs === found.expectedMs && current.worth <= found.worth) return true;
    }
    copySlot(current, found);
    return true;
  }

  private isEnough(worth: number, probability: number, least: number): boolean {
    return worth >= least && (this.leastChance === 0 || isPromise(probability));
  }
}

/** Whatever the chances are. */
function mostWorth({ answers, answered, rest, right }: Option): number {
  return answers.reduce((sum, share, at) => sum + share * answered[at]!, rest * right);
}

/** Share of the images that an early exit answers rightly, and in time. */
function earlyWorth({ answers, answered }: Option, { early }: Family): number {
  let share = 0;
  for (let at = 0; at < answers.length; at++) share += answers[at]! * answered[at]! * early[at]!;
  return share;
}

/** Share of the images that an early exit answers in time. */
function earlyChance({ answers }: Option, { early }: Family): number {
  let share = 0;
  for (let at = 0; at < answers.length; at++) share += answers[at]! * early[at]!;
  return share;
}

/** A head that is in time by fewer deviations is worth less, whatever insures it: a bound, see `quantileOf`. */
function leastDeviations({ rest, right, insurers }: Option, early: number, least: number): number {
  const late = insurers.length === 0 ? 0 : INSURANCE * insurers[0]!.right;
  const share = (least - early) / rest;
  const inTime = (share - late) / (right - late);
  if (!(inTime > 0)) return -Infinity;
  return Math.min(quantileOf(Math.min(inTime, 0.9999)) - 1e-3, SURE_Z);
}

/** Rounding must not break it. */
function isPromise(probability: number): boolean {
  return probability >= CONFIDENCE - 1e-9;
}

/** Less than a twentieth is chance: that a link may stall is no reason to keep a slow phone waiting. */
function tenths(share: number): number {
  return Math.round(10 * share);
}
