import { copySlot, type DecisionSlot, emptySlot, type Spot } from "./decision.ts";
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
    if (option >= options.length || head >= options[option]!.envelope.count) return;
    search.assess(option, head, kept);
    if (kept.periodMs > longestMs) return;
    if (objective.kind !== "accuracy") {
      const own = options[option]!;
      kept.feasible = promiseOf(own, own.envelope.remote[head]!) >= objective.minAccuracy;
    } else if (!found.feasible) kept.feasible = false;
    const isSame = option === found.option && head === found.head;
    const isContent = isSame || isGoodEnough(options, kept, found, objective);
    this.wishes = isContent ? 0 : this.wishes + 1;
    if (isContent || this.wishes < patience) copySlot(kept, found);
    else this.wishes = 0;
  }
}

/**
 * Whether what is kept is as good as what was found but for trembling conditions: for `accuracy` it still nearly
 * keeps the budget, and what ranks higher would not clearly keep it; and among equal ranks it is slower by little.
 */
function isGoodEnough(
  options: readonly Option[],
  kept: DecisionSlot,
  found: DecisionSlot,
  objective: Objective,
): boolean {
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

/** Slower by so much, the more of both, is no reason to move. */
const NEAR_MS = 3;
const NEAR_SHARE = 0.05;
/**
 * The previous plan stays while it keeps the budget this often, and what ranks higher has to promise so much: 1.3
 * and 2 standard deviations, where `CONFIDENCE` has 1.6. Estimates of a few samples tremble by as much.
 */
const STAYS = 0.9;
const CLIMBS = 0.977;
