import { type Conditions, NO_SPREAD } from "#shared/model";
import { LivePlanner, type LiveRequest, type Objective } from "#shared/optimizer";
import type { Subject } from "../../simulate/set-up/subject.ts";

/** What is asked for in a map of where a cut inside the DAG is best. */
export type CutObjective = "accuracy" | "latency" | "throughput";

/** A map over conditions that are certain: rows of slow-downs, columns of uplinks. */
export interface CutMap {
  readonly model: string;
  readonly objective: CutObjective;
  readonly uplinksMbps: readonly number[];
  readonly slowdowns: readonly number[];
  /** By row and column: where the best plan cuts. */
  readonly cells: readonly (readonly Place[])[];
  /** Of all cells, 0..1. */
  readonly shares: Readonly<Record<Place, number>>;
}

/** All on the phone, a cut inside the DAG, or the image is sent. */
export type Place = "edge" | "inner" | "image";

const steps = (least: number, most: number, count: number): readonly number[] =>
  Array.from({ length: count }, (_, at) => least * (most / least) ** (at / (count - 1)));

const UPLINKS_MBPS = steps(0.05, 50, 31);
const SLOWDOWNS = steps(0.5, 32, 13);
/** Accuracy within a budget is asked for at several: all count alike. */
const BUDGETS_MS = [60, 100, 150, 200, 300, 400, 600];

/** Where inner cuts are best at an RTT of 50 ms, by the planner itself. */
export function cutMap(subject: Subject, objective: CutObjective): CutMap {
  const { metadata } = subject.model;
  const planner = new LivePlanner({ costs: subject.costs, policies: metadata.policies ?? [] });
  const floor = (metadata.exits.at(-1)!.accuracy ?? 0) - 0.01;
  const wishes: readonly Objective[] =
    objective === "accuracy"
      ? BUDGETS_MS.map((budgetMs) => ({ kind: "accuracy", budgetMs }))
      : [{ kind: objective, minAccuracy: floor }];
  const shares = { edge: 0, inner: 0, image: 0 };
  const each = 1 / (SLOWDOWNS.length * UPLINKS_MBPS.length * wishes.length);
  const cells = SLOWDOWNS.map((edgeScale) =>
    UPLINKS_MBPS.map((mbps) => {
      const places = wishes.map((wish) => placeOf(planner, conditionsAt(edgeScale, mbps), wish));
      for (const place of places) shares[place] += each;
      return mostOf(places);
    }),
  );
  return {
    model: metadata.id,
    objective,
    uplinksMbps: UPLINKS_MBPS,
    slowdowns: SLOWDOWNS,
    cells,
    shares,
  };
}

function conditionsAt(edgeScale: number, mbps: number): Conditions {
  const link = { rttMs: 50, uplinkBps: 1e6 * mbps, downlinkBps: 2.35e6 * mbps };
  return { ...link, edgeScale, cloudScale: 1, queueMs: 0, spread: NO_SPREAD };
}

function placeOf(planner: LivePlanner, conditions: Conditions, objective: Objective): Place {
  const request: LiveRequest = { conditions, objective };
  const { cut, head } = planner.describe(planner.decide(request)!, request);
  if (cut.length === 0) return "edge";
  return cut.includes(head[0]!) ? "image" : "inner";
}

function mostOf<T>(values: readonly T[]): T {
  const counts = new Map<T, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].reduce((best, one) => (one[1] > best[1] ? one : best))[0];
}
