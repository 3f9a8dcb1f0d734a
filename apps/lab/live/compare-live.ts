import { bootstrap, type Estimate } from "../report/results/bootstrap.ts";
import type { Outcomes } from "./predict.ts";

/** A policy on a link: live, with intervals by bootstrap over photos, and as the simulator has it. */
export interface LiveRow {
  readonly link: string;
  readonly policy: string;
  readonly answers: number;
  readonly liveMs: Estimate;
  readonly simulatedMs: number;
  readonly liveInTime: Estimate;
  readonly simulatedInTime: number;
  /** Of the live answers, those that are right. */
  readonly accuracy: number;
}

export function liveRow(
  link: string,
  policy: string,
  live: Outcomes & { readonly right: readonly boolean[] },
  simulated: Outcomes,
): LiveRow {
  const units = live.ms.map((ms, at) => ({ ms, inTime: Number(live.inTime[at]) }));
  return {
    link,
    policy,
    answers: units.length,
    liveMs: bootstrap(units, (some) => meanOf(some.map(({ ms }) => ms))),
    simulatedMs: meanOf(simulated.ms),
    liveInTime: bootstrap(units, (some) => meanOf(some.map(({ inTime }) => inTime))),
    simulatedInTime: meanOf(simulated.inTime.map(Number)),
    accuracy: meanOf(live.right.map(Number)),
  };
}

/** How far the simulator is off, over all rows. */
export interface Agreement {
  /** Mean absolute error of the mean latency, 0..1. */
  readonly latency: number;
  /** Of the share in time, in points. */
  readonly inTimePoints: number;
  readonly agrees: boolean;
}

/** The simulator is to be within these. */
export const MOST_OFF = { latency: 0.15, inTimePoints: 5 } as const;

export function agreementOf(rows: readonly LiveRow[]): Agreement {
  const latency = meanOf(rows.map(({ liveMs, simulatedMs }) => Math.abs(simulatedMs / liveMs.value - 1)));
  const inTimePoints = meanOf(
    rows.map(({ liveInTime, simulatedInTime }) => 100 * Math.abs(simulatedInTime - liveInTime.value)),
  );
  return {
    latency,
    inTimePoints,
    agrees: latency <= MOST_OFF.latency && inTimePoints <= MOST_OFF.inTimePoints,
  };
}

export function liveTable(rows: readonly LiveRow[]): string {
  const ms = ({ value, low, high }: Estimate): string =>
    `${value.toFixed(0)} (${low.toFixed(0)} to ${high.toFixed(0)})`;
  const share = ({ value, low, high }: Estimate): string =>
    `${(100 * value).toFixed(0)} (${(100 * low).toFixed(0)} to ${(100 * high).toFixed(0)})`;
  const head = ["link", "policy", "live ms", "simulated", "live in time %", "simulated", "right %"];
  const body = rows.map((row) => [
    row.link,
    row.policy,
    ms(row.liveMs),
    row.simulatedMs.toFixed(0),
    share(row.liveInTime),
    (100 * row.simulatedInTime).toFixed(0),
    (100 * row.accuracy).toFixed(0),
  ]);
  const all = [head, ...body];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, at) => (at < 2 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join("  ");
  return `${all.map(line).join("\n")}\n`;
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, one) => sum + one, 0) / values.length;
}
