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
  const times = outcomes.flatMap(({ ms }) => (ms === null ? [] : [ms])).sort((a, b) => a - b);
  const foretold = outcomes.filter(({ wayMs, predictedP95Ms }) => wayMs !== null && predictedP95Ms !== null);
  const share = (of: (outcome: Outcome) => boolean, among = outcomes): number =>
    among.filter(of).length / among.length;
  return {
    answers: outcomes.length,
    inTime: share(({ inTime }) => inTime),
    accuracy: share(({ right }) => right),
    accuracyInTime: share(({ right, inTime }) => right && inTime),
    meanMs: times.length === 0 ? null : times.reduce((sum, ms) => sum + ms, 0) / times.length,
    p95Ms: quantile(times, 0.95),
    fps: isLoad ? fpsOf(outcomes) : null,
    twice: share(({ twice }) => twice),
    innerCut: share(({ isInner }) => isInner),
    p95Exceeded:
      foretold.length === 0 ? null : share(({ wayMs, predictedP95Ms }) => wayMs! > predictedP95Ms!, foretold),
  };
}

/** The least that so large a share of sorted values does not exceed. */
function quantile(sorted: readonly number[], share: number): number | null {
  if (sorted.length === 0) return null;
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))]!;
}

function fpsOf(outcomes: readonly Outcome[]): number {
  const answered = outcomes.filter(({ exit }) => exit !== null);
  if (answered.length === 0) return 0;
  const endMs = Math.max(...answered.map(({ atMs, ms }) => atMs + ms!), outcomes.at(-1)!.atMs);
  return (1000 * answered.length) / (endMs - outcomes[0]!.atMs);
}
