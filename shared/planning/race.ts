import { timerMs } from "#shared/optimizer";
import type { Finish } from "./planning.ts";

/**
 * A link may die without a word. Where no budget and no prediction say anything sooner, this long after the
 * image's arrival nobody waits for the cloud any more.
 */
export const DEAD_LINK_MS = 10_000;

/** One-sided 95 % quantile of the normal distribution. */
const Z95 = 1.645;
/** So often the edge may fail at finishing: an engine that replaces another is tried once. */
const ATTEMPTS = 2;

/**
 * An answer under way whose request was sent: the cloud's reply races what the edge can make of the image. All times in
 * milliseconds from the image's arrival.
 */
export interface Race {
  readonly budgetMs: number;
  /** When the request was sent. */
  readonly sentMs: number;
  /** What the reply is expected to take from then on; null for a plan that the caller insists on, and waits for. */
  readonly expected: { readonly remoteMs: number; readonly sdMs: number } | null;
  /** The plan's insurance; null for none: then the edge finishes all the same, but only when the reply is late. */
  readonly insurance: string | null;
  /**
   * Where an answer ends at the latest that is as good as the reply: the fastest answer of an accuracy is wanted, not the
   * best by the budget. Null otherwise.
   */
  readonly soonest: string | null;
  /** An engine at work lets no reply in, but between the parts of a finish: it computes in the very thread that would see it. */
  readonly blocks: boolean;
  /** Where it blocks, the edge begins with the soonest answer so long after the request. */
  readonly patienceMs: number;
  /** Frames overlap: as long as the edge finishes this image the next ones wait. */
  readonly overlaps: boolean;
  /** Where the edge can finish now, earliest exit first; an exit that was asked takes no time. */
  readonly finish: readonly Finish[];
  readonly reply: "under way" | "there" | "failed";
  readonly local: Local;
  /** Whether the edge may yet become able to finish: its weights or another engine are on the way. */
  readonly isPreparing: boolean;
}

/** What the edge makes of the image. */
export interface Local {
  readonly state: "idle" | "running" | "done";
  /** Where it has begun to finish last; null for nowhere yet. */
  readonly exit: string | null;
  /** So often it has failed. */
  readonly failures: number;
}

/** What is to be done now. */
export type Step =
  /** Until then, or until something happens: the reply comes or fails, the edge has finished or can finish elsewhere. */
  | { readonly kind: "wait"; readonly untilMs: number }
  /** The edge begins to finish at this exit; the reply is still taken. */
  | { readonly kind: "finish"; readonly exit: string }
  | { readonly kind: "answer"; readonly by: "cloud" | "edge" }
  /** Nobody can answer any more. */
  | { readonly kind: "give-up" };

/** What is to be done at this moment of a race. Asked again whenever something has happened, or the time has come. */
export function nextStep(race: Race, nowMs: number): Step {
  const { reply, local } = race;
  if (reply === "there") return { kind: "answer", by: "cloud" };
  const end = reply === "failed" ? nowMs : dueMs(race) - timerMs(race.budgetMs);
  if (local.state === "done" && local.exit === race.soonest) return { kind: "answer", by: "edge" };
  // Not at the very end: timers are late, and it would be there after it.
  if (local.state === "done") return nowMs >= end ? { kind: "answer", by: "edge" } : wait(end);
  // An edge that is late is still waited for, and so is a reply meanwhile.
  if (local.state === "running") return wait(Number.POSITIVE_INFINITY);
  const choice = local.failures < ATTEMPTS ? choose(race, nowMs) : null;
  if (choice !== null) {
    return nowMs >= choice.startMs ? { kind: "finish", exit: choice.exit } : wait(choice.startMs);
  }
  const isHopeless = reply === "failed" && !race.isPreparing;
  const deadMs = Math.max(end, race.sentMs + DEAD_LINK_MS);
  return isHopeless || nowMs >= deadMs ? { kind: "give-up" } : wait(deadMs);
}

/**
 * Where the edge finishes, and when it begins: null while it can nowhere.
 *
 * - The insurance, so that it ends by the end with the probability that it was chosen for, timers being late.
 * - Without one, the best exit that leaves the reply its time, so that it ends likewise; else the one that takes least,
 *   as long as it can be in time.
 * - Where the soonest answer is wanted, whatever the budget, at its exit as soon as the reply is late, or waiting for it
 *   has become the longer way: whoever is first then answers.
 * - Where frames overlap neither: without an insurance at the exit that takes least, and not before it must.
 * - When the reply has failed: at once, at the best exit that is in time.
 * - Where none can be in time: at the fastest, not before the reply is late; one that takes longer than the whole
 *   budget, or whose engine lets no reply in, not before that has ended. What is not known to take how long may be in time.
 *
 * An exit that was asked has its answer: it is finished at when nothing better can be, and takes no time.
 */
function choose(race: Race, nowMs: number): { readonly exit: string; readonly startMs: number } | null {
  const { finish, insurance, reply, expected, overlaps } = race;
  const end = dueMs(race);
  const timer = timerMs(race.budgetMs);
  const inTime = finish.filter(({ finishMs }) => finishMs === 0 || nowMs + finishMs <= end);
  const startMs = ({ latestMs }: Finish): number => end - latestMs - timer;
  const soonest = overlaps ? undefined : finish.find(({ exit }) => exit === race.soonest);
  if (soonest !== undefined) {
    const { blocks, patienceMs, sentMs } = race;
    const isOver = reply === "failed";
    return {
      exit: soonest.exit,
      startMs: isOver ? nowMs : blocks ? sentMs + patienceMs : lateMs(race),
    };
  }
  if (reply === "failed") {
    const best = inTime.findLast((one) => nowMs <= startMs(one) + timer) ?? inTime.at(-1) ?? fastest(finish);
    return best && { exit: best.exit, startMs: nowMs };
  }
  const insured = inTime.find(({ exit }) => exit === insurance);
  const patient = overlaps ? undefined : inTime.findLast((one) => startMs(one) >= lateMs(race));
  const chosen = insured ?? patient ?? least(inTime);
  if (chosen !== null) return { exit: chosen.exit, startMs: startMs(chosen) };
  const slow = fastest(finish);
  if (slow === null) return null;
  const isLong =
    race.blocks || expected === null || (slow.finishMs > end && slow.finishMs < Number.POSITIVE_INFINITY);
  return { exit: slow.exit, startMs: Math.max(isLong ? end : end - slow.finishMs, lateMs(race)) };
}

/** When nobody waits for the cloud any more: at the end of the budget, but for dead links and plans insisted on. */
export function dueMs(race: Pick<Race, "budgetMs" | "sentMs" | "expected">): number {
  const { budgetMs, expected } = race;
  if (expected === null) return Math.max(budgetMs, DEAD_LINK_MS);
  return Math.min(budgetMs, Math.max(DEAD_LINK_MS, lateMs(race)));
}

/**
 * How long a reply may take from now on and still be the first answer: until the end, or until the edge would be done that
 * cannot be in time itself. Where the edge can finish nowhere a late answer is the only one.
 */
export function worthMs(
  race: Pick<Race, "budgetMs" | "sentMs" | "expected" | "finish">,
  nowMs: number,
): number {
  const finishMs = fastest(race.finish)?.finishMs ?? DEAD_LINK_MS;
  return Math.max(dueMs(race) - nowMs, Math.min(finishMs, DEAD_LINK_MS), 1);
}

/** When the reply is late, as far as one may wait for it. */
function lateMs({ sentMs, expected }: Pick<Race, "sentMs" | "expected">): number {
  if (expected === null) return sentMs;
  const { remoteMs, sdMs } = expected;
  return sentMs + Math.min(remoteMs + Z95 * sdMs, 2 * remoteMs + 100);
}

function fastest(finish: readonly Finish[]): Finish | null {
  return minBy(finish, ({ finishMs }) => finishMs);
}

function least(finish: readonly Finish[]): Finish | null {
  return minBy(finish, ({ latestMs }) => latestMs);
}

/** The last of those for which the number is least. */
function minBy(finish: readonly Finish[], value: (one: Finish) => number): Finish | null {
  let best: Finish | null = null;
  for (const one of finish) if (best === null || value(one) <= value(best)) best = one;
  return best;
}

function wait(untilMs: number): Step {
  return { kind: "wait", untilMs };
}
