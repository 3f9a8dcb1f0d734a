import { CODECS } from "#shared/codecs";
import { PRECISIONS, type Precision } from "#shared/model";
import { expect, expectTimes, isName, record } from "./check.ts";
import type { Role } from "./role.ts";
import { completeTransfer, type PartialTransfer, type Transfer } from "./transfer.ts";

/** Measured milliseconds of a model on a device; JSON. */
export interface Profile {
  /** Version of this layout. */
  readonly format: 2;
  /** Model id. */
  readonly model: string;
  /** The model's version when it was measured. Times hang on the architecture: a note, not a condition. */
  readonly version: string;
  readonly role: Role;
  /** Free text, such as `Pixel 8, Chrome 157`. */
  readonly device: string;
  /** Of TF.js, or `onnxruntime`. */
  readonly backend: string;
  /** What it computed in; float32 where it is absent. */
  readonly precision?: Precision;
  /** What a call costs with no nodes in it: of heads to feed the image, of tails to read the scores back. */
  readonly fixedMs: number;
  /**
   * Time of the fixed reference net on the same device and backend. The ratio of another device's to
   * this is the first guess of its scale.
   */
  readonly selfTestMs: number;
  /** Time of every node but the input, by name; with the transfers their sums are what `samples` say. */
  readonly nodeMs: Readonly<Record<string, number>>;
  /**
   * By tensor that a learned codec was trained for: of heads, what its encoder adds to one that ends there; of tails, what
   * its decoder takes before one, what it makes handed over included. Estimated by work where it is absent.
   */
  readonly detourMs?: Readonly<Record<string, number>>;
  /** Of the tensors that heads hand over, or tails take. */
  readonly transfer: Transfer;
  readonly samples: readonly Sample[];
}

/**
 * Time of one segment of an exit's DAG: the head that ends at a node, its tensor read back, or the tail that
 * follows the node, its tensor uploaded and the scores read back.
 */
export interface Sample {
  /** Exit id. */
  readonly exit: string;
  /** A cut vertex of the exit's DAG: the input for an empty head, the exit's node for an empty tail. */
  readonly at: string;
  /**
   * Set for a sample inside a block: the cut vertex that the segment starts after. `at` is then any node of
   * the block, or the same vertex for what a call costs. Its tensors stay on the backend.
   */
  readonly from?: string;
  readonly medianMs: number;
  readonly p95Ms: number;
}

/** What a profile is called in its model's folder of profiles. */
export function profileFile(role: Role, backend: string, precision: Precision = "fp32"): string {
  return `${role}-${backend}${precision === "fp32" ? "" : `-${precision}`}.json`;
}

/**
 * Checks a profile as read from JSON.
 *
 * @throws EddiError `bad-profile`, naming the field, what was expected and what came
 */
export function readProfile(value: unknown): Profile {
  const root = record(value, "profile");
  expect(root.format === 2, "profile, format", "2", root.format);
  for (const field of ["model", "version", "device", "backend"]) {
    expect(isName(root[field]), `profile, ${field}`, "a non-empty string", root[field]);
  }
  expect(root.role === "head" || root.role === "tail", "profile, role", "head or tail", root.role);
  const { precision } = root;
  const isPrecision = precision === undefined || PRECISIONS.some((one) => one === precision);
  expect(isPrecision, "profile, precision", PRECISIONS.join(" or "), precision);
  expectTimes(root, "profile, ", ["fixedMs", "selfTestMs"]);
  expect(root.selfTestMs !== 0, "profile, selfTestMs", "a number above 0", root.selfTestMs);
  const nodeMs = record(root.nodeMs, "profile, nodeMs");
  expectTimes(nodeMs, "profile, nodeMs.", Object.keys(nodeMs));
  if (root.detourMs !== undefined) {
    const detourMs = record(root.detourMs, "profile, detourMs");
    expectTimes(detourMs, "profile, detourMs.", Object.keys(detourMs));
  }
  const transfer = readTransfer(root.transfer, root.role as Role, "profile, transfer");
  expect(Array.isArray(root.samples), "profile, samples", "an array", root.samples);
  (root.samples as unknown[]).forEach((value, i) => {
    const sample = record(value, `profile, samples[${i}]`);
    for (const field of ["exit", "at"]) {
      expect(isName(sample[field]), `profile, samples[${i}].${field}`, "a name", sample[field]);
    }
    const { from } = sample;
    expect(from === undefined || isName(from), `profile, samples[${i}].from`, "a name", from);
    expectTimes(sample, `profile, samples[${i}].`, ["medianMs", "p95Ms"]);
  });
  return { ...root, transfer } as unknown as Profile;
}

/**
 * Checks what handing over was measured to cost; what was not measured is estimated.
 *
 * @throws EddiError `bad-profile`
 */
export function readTransfer(value: unknown, role: Role, field: string): Transfer {
  const transfer = record(value, field);
  expectTimes(transfer, `${field}.`, ["perTensorMs", "perByteMs"]);
  const codecs = record(transfer.codecs, `${field}.codecs`);
  for (const codec of CODECS) {
    // Older files know these two alone.
    if (codecs[codec] === undefined && codec !== "uint8" && codec !== "float32") continue;
    const cost = record(codecs[codec], `${field}.codecs.${codec}`);
    expectTimes(cost, `${field}.codecs.${codec}.`, ["perTensorMs", "perElementMs"]);
  }
  if (transfer.deflate !== undefined) {
    expectTimes(record(transfer.deflate, `${field}.deflate`), `${field}.deflate.`, [
      "perTensorMs",
      "perByteMs",
    ]);
  }
  return completeTransfer(transfer as unknown as PartialTransfer, role);
}
