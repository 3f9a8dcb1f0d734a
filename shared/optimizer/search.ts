import type { Chance } from "./chance.ts";
import { CONFIDENCE, copySlot, type DecisionSlot, emptySlot } from "./decision.ts";
import { InsuredSearch } from "./insured-search.ts";
import type { Objective } from "./optimize.ts";
import type { Option } from "./options.ts";

/**
 * Scans the envelopes of all options for the best decision, exactly, without allocation.
 *
 * - `accuracy`: the most expected accuracy in time (`InsuredSearch`). If nothing is ever in time: the least expected
 *   latency of all, marked infeasible.
 * - `latency`, `throughput`: as `optimize`, of expected latency and mean period.
 */
export class Search {
  /** What was found last. */
  readonly found = emptySlot();
  /** Best rank first. */
  private readonly options: readonly Option[];
  private readonly chance: Chance;
  private readonly current = emptySlot();
  private readonly insured: InsuredSearch;
  private longestMs = Infinity;

  constructor(options: readonly Option[], chance: Chance) {
    this.options = options;
    this.chance = chance;
    this.insured = new InsuredSearch(options, chance);
  }

  /**
   * Writes the best decision into `found`.
   *
   * @param longestMs no stage may take longer
   * @returns false when no head keeps to that
   */
  run(objective: Objective, longestMs: number): boolean {
    this.longestMs = longestMs;
    if (objective.kind === "throughput") return this.leastPeriod(objective.minAccuracy);
    if (objective.kind === "latency") return this.fastest(objective.minAccuracy, false);
    return this.insured.run(this.found, longestMs) || this.fastest(0, true);
  }

  /** Whatever its stages take, the decision whose longest one is shortest. */
  runForPeriod(objective: Objective): void {
    this.longestMs = Infinity;
    this.leastPeriod(objective.kind === "accuracy" ? 0 : objective.minAccuracy);
    if (objective.kind === "accuracy") this.found.feasible = this.found.probability >= CONFIDENCE;
  }

  /**
   * Enters what is expected of a head that is in use, for `accuracy` with its best insurance.
   *
   * @param least so much worth is enough: then less double work is better
   */
  assessFor(objective: Objective, at: number, head: number, into: DecisionSlot, least: number): void {
    if (objective.kind === "accuracy") this.insured.assess(at, head, into, least, true);
    else this.assess(at, head, into);
  }

  private assess(at: number, head: number, into: DecisionSlot): void {
    const { chance } = this;
    const option = this.options[at]!;
    into.option = at;
    into.head = head;
    into.insurer = -1;
    into.worth = 0;
    into.twice = 0;
    into.expectedMs = chance.expectedMs(option, head);
    into.probability = chance.ofImage(option, head);
    into.feasible = into.probability >= CONFIDENCE;
    into.periodMs = chance.periodMs(option, head, 0);
    into.mode = "latency";
  }

  /**
   * The fastest option that is accurate enough, ties to the better rank; if none is, the best rank's fastest.
   *
   * @param isBudget whether it stands in for a budget that nobody keeps
   */
  private fastest(minAccuracy: number, isBudget: boolean): boolean {
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
      copySlot(current, found);
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
        copySlot(current, found);
        any = true;
      }
    }
    return any;
  }

  /** Index of an option's head of least latency; -1 if none keeps the period's limit. */
  private fastestHead(option: Option): number {
    // The limit is one more that grows with each coordinate.
    const end = this.longestMs < Infinity ? option.envelope.count : this.chance.fastestCount(option);
    let best = -1;
    let bestMs = Infinity;
    for (let head = 0; head < end; head++) {
      const ms = this.chance.headMs(option, head);
      if (ms >= bestMs || !this.keepsPeriod(option, head)) continue;
      best = head;
      bestMs = ms;
    }
    return best;
  }

  private keepsPeriod(option: Option, head: number): boolean {
    return this.longestMs === Infinity || this.chance.periodMs(option, head, 0) <= this.longestMs;
  }
}

/**
 * Top-1 that is promised.
 *
 * @param remote 1 when something travels
 */
export function promiseOf({ accuracy, promised }: Option, remote: number): number {
  return (remote === 1 ? promised : accuracy) ?? 0;
}
