import type { Model, Precision, Segment } from "#shared/model";
import { profileFromSamples } from "./fit-profile.ts";
import { detourJobs } from "./measure-detours.ts";
import { insidePlan, type Measurement, measurePlan, winningPlan } from "./measure-plan.ts";
import { type Jobs, type TransferWatch, transferJobs } from "./measure-transfer.ts";
import type { Profile, Sample } from "./profile.ts";
import type { Role } from "./role.ts";
import { quantile, type RoundOptions, timeInRounds } from "./rounds.ts";
import type { Transfer } from "./transfer.ts";

/** What a profile says of itself. */
export interface ProfileOf {
  readonly model: Model;
  readonly role: Role;
  readonly device: string;
  readonly backend: string;
  /** Time of the reference net on this device and backend, above 0. */
  readonly selfTestMs: number;
  /** What it computes in; float32 if absent. */
  readonly precision?: Precision;
  /**
   * `vertices` are all cut vertices; `winning` leaves out those that cannot be best for latency, see `winningPlan`; `all`, with
   * blocks' insides, if absent.
   */
  readonly cuts?: "all" | "vertices" | "winning";
}

/** Times what a profile is made of, so many runs in a row: milliseconds of one. Rejects to stop. */
export interface Stopwatch extends TransferWatch {
  /** From values that are fed to values that were read back. */
  readonly whole: TimeSegment;
  /** With the feeds on the backend before the clock starts, until the backend has the outputs. */
  readonly inside: TimeSegment;
}

export type TimeSegment = (segment: Segment, runs: number) => Promise<number>;

/**
 * Times every segment of the measure plan and fits a profile to the medians.
 *
 * @throws whatever the stopwatch rejects with
 */
export async function measureProfile(
  of: ProfileOf,
  watch: Stopwatch,
  rounds: RoundOptions,
): Promise<Profile> {
  const { jobs, result } = profileJobs(of, watch);
  return result(await timeInRounds(jobs, rounds));
}

/** The same as jobs, to be timed in the same rounds as others. */
export function profileJobs(of: ProfileOf, watch: Stopwatch): Jobs<Profile> {
  const { model, role, cuts = "all" } = of;
  const transfer = transferJobs(model, role, watch);
  const vertices = cuts === "winning" ? winningPlan(model, role) : measurePlan(model, role);
  const plan = cuts === "all" ? [...vertices, ...insidePlan(model)] : vertices;
  const segments = sampleJobs(plan, watch);
  const detours = detourJobs(model, role, watch);
  const groups = [transfer.jobs, segments.jobs, detours.jobs];
  return {
    jobs: groups.flat(),
    result: (timings) => {
      const rest = [...timings];
      const [moving, whole, aside] = groups.map(({ length }) => rest.splice(0, length));
      const moved = transfer.result(moving!);
      const samples = segments.result(whole!);
      const fitted = profileFromSamples(model, role, samples, moved);
      const detourMs = detours.result(aside!)(moved);
      return makeProfile(of, samples, moved, model.detours.size === 0 ? fitted : { ...fitted, detourMs });
    },
  };
}

/** Timings of segments as samples. */
export function sampleJobs(
  measurements: readonly Measurement[],
  watch: Pick<Stopwatch, "whole" | "inside">,
): Jobs<readonly Sample[]> {
  return {
    jobs: measurements.map(({ from, segment }) => {
      const time = from === undefined ? watch.whole : watch.inside;
      return (runs) => time(segment, runs);
    }),
    result: (timings) => measurements.map((one, at) => sampleOf(one, timings[at]!)),
  };
}

function sampleOf({ exit, at, from }: Measurement, timings: readonly number[]): Sample {
  const where = from === undefined ? { exit, at } : { exit, at, from };
  return { ...where, medianMs: quantile(timings, 0.5), p95Ms: quantile(timings, 0.95) };
}

export function makeProfile(
  { model, role, device, backend, precision = "fp32", selfTestMs }: ProfileOf,
  samples: readonly Sample[],
  transfer: Transfer,
  fitted: Pick<Profile, "fixedMs" | "nodeMs" | "detourMs">,
): Profile {
  const { version, metadata } = model;
  const head = { format: 2, model: metadata.id, version, role, device, backend } as const;
  return {
    ...head,
    ...(precision === "fp32" ? {} : { precision }),
    ...fitted,
    selfTestMs,
    transfer,
    samples,
  };
}
