import { EddiError } from "#shared/errors";

/** Measured milliseconds of a model on a device; JSON. */
export interface Profile {
  /** Version of this layout. */
  readonly format: 1;
  /** Model id. */
  readonly model: string;
  /** The model's version when it was measured. Times hang on the architecture: a note, not a condition. */
  readonly version: string;
  readonly role: Role;
  /** Free text, such as `Pixel 8, Chrome 157`. */
  readonly device: string;
  /** TF.js backend. */
  readonly backend: string;
  /** What a call costs with no nodes in it: entering, reading back. */
  readonly fixedMs: number;
  /**
   * Time of the fixed reference net on the same device and backend. The ratio of another device's to
   * this is the first guess of its scale.
   */
  readonly selfTestMs: number;
  /** Time of every node but the input, by name; sums of them are what `samples` say. */
  readonly nodeMs: Readonly<Record<string, number>>;
  readonly samples: readonly Sample[];
}

/** Whether heads were timed (the edge) or tails (the cloud). */
export type Role = "head" | "tail";

/** Time of one segment of an exit's DAG: the head that ends at a node, or the tail that follows it. */
export interface Sample {
  /** Exit id. */
  readonly exit: string;
  /** A cut vertex of the exit's DAG: the input for an empty head, the exit's node for an empty tail. */
  readonly at: string;
  readonly medianMs: number;
  readonly p95Ms: number;
}

/**
 * Checks a profile as read from JSON.
 *
 * @throws EddiError `bad-profile`, naming the field, what was expected and what came
 */
export function readProfile(value: unknown): Profile {
  const root = record(value, "profile");
  expect(root.format === 1, "format", "1", root.format);
  for (const field of ["model", "version", "device", "backend"]) {
    expect(isName(root[field]), field, "a non-empty string", root[field]);
  }
  expect(root.role === "head" || root.role === "tail", "role", "head or tail", root.role);
  expect(isTime(root.fixedMs), "fixedMs", "a number of 0 or above", root.fixedMs);
  const { selfTestMs } = root;
  expect(isTime(selfTestMs) && selfTestMs !== 0, "selfTestMs", "a number above 0", selfTestMs);
  for (const [node, ms] of Object.entries(record(root.nodeMs, "nodeMs"))) {
    expect(isTime(ms), `nodeMs.${node}`, "a number of 0 or above", ms);
  }
  expect(Array.isArray(root.samples), "samples", "an array", root.samples);
  (root.samples as unknown[]).forEach((value, i) => {
    const sample = record(value, `samples[${i}]`);
    for (const field of ["exit", "at"]) {
      expect(isName(sample[field]), `samples[${i}].${field}`, "a name", sample[field]);
    }
    for (const field of ["medianMs", "p95Ms"]) {
      expect(isTime(sample[field]), `samples[${i}].${field}`, "a number of 0 or above", sample[field]);
    }
  });
  return root as unknown as Profile;
}

function record(value: unknown, field: string): Record<string, unknown> {
  expect(typeof value === "object" && value !== null && !Array.isArray(value), field, "an object", value);
  return value as Record<string, unknown>;
}

const isName = (value: unknown): boolean => typeof value === "string" && value.length > 0;
const isTime = (value: unknown): boolean => Number.isFinite(value) && (value as number) >= 0;

function expect(holds: boolean, field: string, expected: string, came: unknown): void {
  if (holds) return;
  const shown = (JSON.stringify(came) ?? "nothing").slice(0, 80);
  throw new EddiError("bad-profile", `profile, ${field}: expected ${expected}, got ${shown}`);
}
