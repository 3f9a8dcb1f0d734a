import { branchyNet } from "./branchynet.ts";
import { cloudOnly } from "./cloud-only.ts";
import { dadsHeavy, dadsLight } from "./dads.ts";
import { edgeOnly, edgeOnlyLast } from "./edge-only.ts";
import { edgent } from "./edgent.ts";
import { neurosurgeon } from "./neurosurgeon.ts";
import type { Decide } from "./policy.ts";
import { portend } from "./portend.ts";
import { qdmp } from "./qdmp.ts";
import { spinn } from "./spinn.ts";
import { staticSplit } from "./static-split.ts";

/** All policies, by name: what begins anew for each user is made by its function. */
export const POLICIES = {
  "edge-only": () => edgeOnly,
  "edge-only-last": () => edgeOnlyLast,
  "cloud-raw": () => cloudOnly("raw"),
  "cloud-jpeg": () => cloudOnly("jpeg"),
  "cloud-webp": () => cloudOnly("webp"),
  "static-split": staticSplit,
  neurosurgeon: () => neurosurgeon,
  edgent: () => edgent,
  "dads-light": () => dadsLight("corrected"),
  "dads-heavy": () => dadsHeavy("corrected"),
  qdmp,
  branchynet: () => branchyNet,
  spinn: () => spinn,
  portend,
} satisfies Readonly<Record<string, () => Decide>>;

export type PolicyName = keyof typeof POLICIES;
