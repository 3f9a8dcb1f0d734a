import type { Model, Segment } from "#shared/model";
import { profileFromSamples } from "./fit-profile.ts";
import { measurePlan } from "./measure-plan.ts";
import type { Profile, Role, Sample } from "./profile.ts";

export interface MeasureOptions {
  readonly model: Model;
  readonly role: Role;
  readonly device: string;
  readonly backend: string;
  /** Time of the reference net on this device and backend, above 0. */
  readonly selfTestMs: number;
  /** Runs a segment; settles when its outputs have been read back. Rejects to stop the measurement. */
  readonly run: (segment: Segment) => Promise<void>;
  /** A clock, milliseconds. */
  readonly now: () => number;
  /** Untimed runs of each segment. */
  readonly warmups: number;
  /** Timings of each segment, 1 or more. */
  readonly repeats: number;
}

/**
 * Times every segment of the measure plan and fits a profile to the medians.
 *
 * Segments take turns, so that a slow spell of the machine falls on all of them alike. Short ones run
 * several times per timing: browsers' clocks step by up to 0.1 ms.
 *
 * @throws whatever `run` rejects with
 */
export async function measureProfile(options: MeasureOptions): Promise<Profile> {
  const { model, role, device, backend, selfTestMs, run, now } = options;
  const measurements = measurePlan(model, role);
  const timings = measurements.map((): number[] => []);
  const timed = async (segment: Segment, runs: number): Promise<number> => {
    const startMs = now();
    for (let i = 0; i < runs; i++) await run(segment);
    return (now() - startMs) / runs;
  };

  const runs: number[] = [];
  for (const { segment } of measurements) {
    for (let i = 0; i < options.warmups; i++) await run(segment);
    const roughMs = await timed(segment, 1);
    runs.push(Math.min(MAX_RUNS, Math.ceil(MIN_TIMING_MS / Math.max(roughMs, 1e-3))));
  }
  for (let repeat = 0; repeat < options.repeats; repeat++) {
    for (const [at, { segment }] of measurements.entries()) {
      timings[at]!.push(await timed(segment, runs[at]!));
    }
  }

  const samples = measurements.map(({ exit, at }, index): Sample => {
    const sorted = timings[index]!.toSorted((a, b) => a - b);
    return { exit, at, medianMs: quantile(sorted, 0.5), p95Ms: quantile(sorted, 0.95) };
  });
  const { id } = model.metadata;
  const fitted = profileFromSamples(model, role, samples);
  return {
    format: 1,
    model: id,
    version: model.version,
    role,
    device,
    backend,
    ...fitted,
    selfTestMs,
    samples,
  };
}

/** A timing lasts at least this long, where `MAX_RUNS` allows. */
const MIN_TIMING_MS = 2;
const MAX_RUNS = 20;

/** Linear between neighbours. */
function quantile(sorted: readonly number[], share: number): number {
  const at = share * (sorted.length - 1);
  const low = sorted[Math.floor(at)]!;
  return low + (at - Math.floor(at)) * (sorted[Math.ceil(at)]! - low);
}
