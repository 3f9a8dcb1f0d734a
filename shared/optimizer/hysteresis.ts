import { copySlot, type DecisionSlot, emptySlot, NEAR_WORTH, type Spot } from "./decision.ts";
import type { Objective } from "./optimize.ts";
import type { Option } from "./options.ts";
import { promiseOf, type Search } from "./search.ts";

/** Keeps the previous decision while it is good enough. One for each user of a planner. */
export class Hysteresis {
  private readonly kept = emptySlot();
  /** So many decisions in a row have wanted to leave the previous plan. */
  private wishes = 0;

  /**
   * Stays with the previous decision where that is good enough, or until there was patience enough: writes it into
   * what the search has found.
   *
   * @param longestMs no stage may take longer
   * @param patience  see `LiveRequest.patience`
   */
  settle(
    options: readonly Option[],
    search: Search,
    previous: Spot,
    objective: Objective,
    longestMs: number,
    patience: number,
  ): void {
    const { kept } = this;
    const { found } = search;
    const { option, head } = previous;
    if (option >= options.length || head >= options[option]!.envelope.heads.length) return;
    search.assessFor(objective, option, head, kept, found.worth - NEAR_WORTH);
    if (kept.periodMs > longestMs) return;
    if (objective.kind !== "accuracy") {
      const own = options[option]!;
      kept.feasible = promiseOf(own, own.envelope.remote[head]!) >= objective.minAccuracy;
    }
    const isSame = option === found.option && head === found.head;
    const isContent = isSame || isGoodEnough(options, kept, found, objective);
    this.wishes = isContent ? 0 : this.wishes + 1;
    if (isSame) return;
    if (isContent || this.wishes < patience) copySlot(kept, found);
    else this.wishes = 0;
  }
}

/**
 * Whether what is kept is as good as what was found but for trembling conditions: slower by little; for `accuracy`
 * little less accurate in time, and working twice little more; else of no lower rank.
 */
function isGoodEnough(
  options: readonly Option[],
  kept: DecisionSlot,
  found: DecisionSlot,
  objective: Objective,
): boolean {
  const isCloseMs = kept.expectedMs <= found.expectedMs + Math.max(NEAR_MS, NEAR_SHARE * found.expectedMs);
  if (objective.kind === "accuracy") {
    if (found.feasible && kept.probability < STAYS_CHANCE) return kept.worth > found.worth + STAYS_LATE;
    // What insures the plan in use may count where it would insure no new one.
    if (kept.worth > found.worth + NEAR_WORTH) return true;
    return kept.worth >= found.worth - STAYS && kept.twice <= found.twice + STAYS_TWICE && isCloseMs;
  }
  const isLower = options[kept.option]!.rank < options[found.option]!.rank;
  if (kept.feasible !== found.feasible || isLower) return false;
  return objective.kind === "throughput" ? kept.periodMs <= (1 + NEAR_SHARE) * found.periodMs : isCloseMs;
}

/** Slower by so much, the more of both, is no reason to move. */
const NEAR_MS = 3;
const NEAR_SHARE = 0.05;
/** The previous plan stays while it is expected to be right in time so little less often: a point. */
const STAYS = 0.01;
/** While it is in time so often, where another plan keeps the promise. */
const STAYS_CHANCE = 0.9;
/** Less often, if it is worth so much more all the same: a little less than `PROMISE_WORTH`. */
const STAYS_LATE = 0.04;
/** And to work twice for so many more of the images. */
const STAYS_TWICE = 0.1;
