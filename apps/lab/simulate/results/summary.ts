import type { Outcome } from "../session/outcome.ts";

/** What a policy came to on some photos; shares 0..1, null where there is nothing to tell it from. */
export interface Summary {
  /** Photos: all of them, answered or not. */
  readonly answers: number;
  readonly inTime: number;
  /** Top-1; who was not answered counts as wrong. */
  readonly accuracy: number;
  /** Top-1 where what is late counts as wrong too. */
  readonly accuracyInTime: number;
  /** Of photos that were not dropped; a lost one counts until nobody waited any more. */
  readonly meanMs: number | null;
  readonly p95Ms: number | null;
  /** Answers a second; null for photos. */
  readonly fps: number | null;
  /** A request was sent and the edge worked for an answer of its own as well. */
  readonly twice: number;
  /** The plan's cut lay inside the DAG. */
  readonly innerCut: number;
  /** Of photos whose p95 was foretold: the plan's own way took longer. Null where none was. */
  readonly p95Exceeded: number | null;
}

/** @param isLoad whether frames came at a rate */
export function summarise(outcomes: readonly Outcome[], isLoad: boolean): Summary {
  const summary = summariseWeighted([{ outcomes, weight: 1 }]);
  return isLoad ? { ...summary, fps: fpsOf(outcomes) } : summary;
}

/** A session's photos, and what it counts among others. */
export interface WeightedSession {
  readonly outcomes: readonly Outcome[];
  readonly weight: number;
}

/** Every session counts by its weight, whatever the number of its photos. */
export function summariseWeighted(sessions: readonly WeightedSession[]): Summary {
  const all = sessions.flatMap(({ outcomes, weight }) =>
    outcomes.map((outcome) => ({ outcome, weight: weight / outcomes.length })),
  );
  const timed = all
    .flatMap(({ outcome: { ms }, weight }) => (ms === null ? [] : [{ value: ms, weight }]))
    .sort((a, b) => a.value - b.value);
  const foretold = all.filter(
    ({ outcome: { wayMs, predictedP95Ms } }) => wayMs !== null && predictedP95Ms !== null,
  );
  const share = (of: (outcome: Outcome) => boolean, among = all): number =>
    weightOf(among.filter(({ outcome }) => of(outcome))) / weightOf(among);
  return {
    answers: all.length,
    inTime: share(({ inTime }) => inTime),
    accuracy: share(({ right }) => right),
    accuracyInTime: share(({ right, inTime }) => right && inTime),
    meanMs:
      timed.length === 0
        ? null
        : timed.reduce((sum, { value, weight }) => sum + weight * value, 0) / weightOf(timed),
    p95Ms: quantile(timed, 0.95),
    fps: null,
    twice: share(({ twice }) => twice),
    innerCut: share(({ isInner }) => isInner),
    p95Exceeded:
      foretold.length === 0 ? null : share(({ wayMs, predictedP95Ms }) => wayMs! > predictedP95Ms!, foretold),
  };
}

/** The least that so large a share of sorted values does not exceed; null of none. */
function quantile(
  sorted: readonly { readonly value: number; readonly weight: number }[],
  share: number,
): number | null {
  const wanted = share * weightOf(sorted);
  let passed = 0;
  for (const { value, weight } of sorted) {
    passed += weight;
    if (passed >= wanted * (1 - 1e-12)) return value;
  }
  return sorted.at(-1)?.value ?? null;
}

function weightOf(list: readonly { readonly weight: number }[]): number {
  return list.reduce((sum, { weight }) => sum + weight, 0);
}

/** Answers a second, from the first frame to the last answer. */
export function fpsOf(outcomes: readonly Outcome[]): number {
  const answered = outcomes.filter(({ exit }) => exit !== null);
  if (answered.length === 0) return 0;
  const endMs = Math.max(...answered.map(({ atMs, ms }) => atMs + ms!), outcomes.at(-1)!.atMs);
  return (1000 * answered.length) / (endMs - outcomes[0]!.atMs);
}
