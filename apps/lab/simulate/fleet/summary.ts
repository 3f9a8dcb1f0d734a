import { meanOf, oscillation } from "./course.ts";
import type { Fleet } from "./fleet.ts";
import type { FleetSettings } from "./settings.ts";

/** What a fleet came to. Shares are 0..1 of all photos, where nothing else is said. */
export interface FleetSummary {
  readonly clients: number;
  readonly replicas: number;
  readonly answers: number;
  readonly inTime: number;
  readonly accuracy: number;
  readonly accuracyInTime: number;
  readonly sent: number;
  readonly refused: number;
  readonly lost: number;
  readonly fallback: number;
  /** From a quarter of the time to its half, before anything dies. */
  readonly steady: {
    readonly liveReplicas: number;
    /** Of the live replicas' time. */
    readonly load: number;
    /** Of it from second to second: standard deviation over mean; and what is left of it without chance. */
    readonly oscillation: number;
    readonly oscillationBeyondChance: number;
    readonly toldQueueMs: number;
    /** Right answers in time a second. */
    readonly goodput: number;
    /** Of the best that somebody could assign who knows all clients, on as many replicas. */
    readonly ofCentral: number;
  };
  /** Half of the replicas died at half of the time; null where none did. */
  readonly failure: {
    /** The worst ten seconds, of what was before. */
    readonly worst: number;
    /** Until goodput was within 5 % of what was before, for good; null: never. */
    readonly recoveredS: number | null;
  } | null;
}

/** @param central right answers in time, share of all photos, if the cloud has so many ms for each of them */
export function summariseFleet(
  { course, counts }: Fleet,
  settings: FleetSettings,
  central: (capacityMs: number) => number,
): FleetSummary {
  const { clients, replicas, workers } = settings;
  const [from, to] = [course.seconds >> 2, course.seconds >> 1];
  const live = meanOf(course.live, from, to);
  const photos = meanOf(course.photos, from, to);
  const goodput = meanOf(course.goodput, from, to);
  const swings = oscillation(course, from, to);
  const share = (count: number): number => count / counts.answers;
  return {
    clients,
    replicas,
    answers: counts.answers,
    inTime: share(counts.inTime),
    accuracy: share(counts.right),
    accuracyInTime: share(counts.rightInTime),
    sent: share(counts.sent),
    refused: share(counts.refused),
    lost: share(counts.lost),
    fallback: share(counts.fallback),
    steady: {
      liveReplicas: live,
      load: meanOf(course.workMs, from, to) / (1000 * workers * live),
      oscillation: swings.all,
      oscillationBeyondChance: swings.beyondChance,
      toldQueueMs: meanOf(course.toldMs, from, to),
      goodput,
      ofCentral: goodput / (photos * central((1000 * workers * live) / photos)),
    },
    failure: settings.failure === null ? null : recovery(course, to),
  };
}

const WINDOW_S = 10;
const NEAR = 0.95;

function recovery(course: Fleet["course"], failedS: number): FleetSummary["failure"] {
  // Shares of photos, since their number is chance.
  const shareIn = (from: number, to: number): number =>
    meanOf(course.goodput, from, to) / Math.max(1e-9, meanOf(course.photos, from, to));
  const before = shareIn(failedS >> 1, failedS);
  const shares = Array.from(
    { length: Math.floor((course.seconds - failedS) / WINDOW_S) },
    (_, at) => shareIn(failedS + at * WINDOW_S, failedS + (at + 1) * WINDOW_S) / before,
  );
  const lastBad = shares.findLastIndex((one) => one < NEAR);
  return {
    worst: Math.min(...shares),
    recoveredS: lastBad === shares.length - 1 ? null : WINDOW_S * (lastBad + 1),
  };
}
