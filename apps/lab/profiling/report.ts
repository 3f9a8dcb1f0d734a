import type { TensorCodecName } from "#shared/codecs";
import { exitCosts, headMembers, latencyOf } from "#shared/evaluator";
import { type Conditions, type Model, NO_SPREAD } from "#shared/model";
import type { Profile } from "#shared/profile";
import type { Case } from "./cases.ts";
import { type Errors, errorsOf, type Pair } from "./statistics.ts";

/** Stages of one case as measured; null where it has none: a head at the exit has no tail. */
export interface StageTimes {
  /** The head, its cut read back and encoded. */
  readonly edgeMs: number;
  /** The cut decoded and uploaded, the tail run, the scores read back. */
  readonly cloudMs: number | null;
}

/** A way to profile, and what it says of heads and tails. */
export interface Method {
  readonly name: string;
  readonly head: Profile;
  readonly tail: Profile;
}

export const STAGES = ["edge", "cloud", "end to end", "all stages"] as const;
export const CUTS = ["all", "vertex", "multi"] as const;

/** Errors of one method, by stage and kind of cut. */
export interface MethodReport {
  readonly method: string;
  readonly errors: Readonly<Record<(typeof STAGES)[number], Readonly<Record<(typeof CUTS)[number], Errors>>>>;
  /** By case. */
  readonly predicted: readonly StageTimes[];
}

/** Compares the predictions of a method with what was measured. */
export function methodReport(
  model: Model,
  { name, head, tail }: Method,
  codec: TensorCodecName,
  cases: readonly Case[],
  measured: readonly StageTimes[],
): MethodReport {
  const costs = exitCosts(model, head, tail, { codec: { codec, deflate: false } });
  const predicted = cases.map(({ plan, split }): StageTimes => {
    const exit = costs.find(({ exit }) => exit === plan.exit)!;
    const { edgeMs, cloudMs } = latencyOf(exit, headMembers(exit, plan.head), UNLOADED);
    return { edgeMs, cloudMs: split.tail === null ? null : cloudMs };
  });
  const errors = STAGES.map((stage) => {
    const byCut = CUTS.map((cut) => {
      const chosen = cases.flatMap(({ kind }, at) => (cut === "all" || cut === kind ? [at] : []));
      return [cut, errorsOf(chosen.flatMap((at) => pairsOf(stage, predicted[at]!, measured[at]!)))];
    });
    return [stage, Object.fromEntries(byCut)];
  });
  return { method: name, errors: Object.fromEntries(errors), predicted };
}

/** Stages by themselves: the network takes no part in them. */
const UNLOADED: Conditions = {
  rttMs: 0,
  uplinkBps: 1e12,
  downlinkBps: 1e12,
  edgeScale: 1,
  cloudScale: 1,
  queueMs: 0,
  spread: NO_SPREAD,
};

function pairsOf(
  stage: (typeof STAGES)[number],
  predicted: StageTimes,
  measured: StageTimes,
): readonly Pair[] {
  const edge = { predictedMs: predicted.edgeMs, measuredMs: measured.edgeMs };
  const cloud =
    measured.cloudMs === null ? [] : [{ predictedMs: predicted.cloudMs!, measuredMs: measured.cloudMs }];
  if (stage === "edge") return [edge];
  if (stage === "cloud") return cloud;
  if (stage === "all stages") return [edge, ...cloud];
  const sum = (times: StageTimes): number => times.edgeMs + (times.cloudMs ?? 0);
  return [{ predictedMs: sum(predicted), measuredMs: sum(measured) }];
}

/** The errors as text: every method and stage a row. */
export function errorTable(reports: readonly MethodReport[]): string {
  const title = ["method", "stage", "times", "MAPE", "RMSE", "R2", "MAPE at vertices", "at random cuts"];
  const rows = reports.flatMap(({ method, errors }) =>
    STAGES.map((stage) => {
      const { all, vertex, multi } = errors[stage];
      return [
        method,
        stage,
        `${all.count}`,
        percent(all.mape),
        `${all.rmseMs.toFixed(3)} ms`,
        all.r2.toFixed(4),
        percent(vertex.mape),
        percent(multi.mape),
      ];
    }),
  );
  const widths = title.map((_, at) => Math.max(...[title, ...rows].map((row) => row[at]!.length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, at) => (at < 2 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join("  ");
  return [title, ...rows].map(line).join("\n");
}

const percent = (share: number): string => (Number.isNaN(share) ? "-" : `${(100 * share).toFixed(2)} %`);
