import { branchyNet } from "./branchynet.ts";
import { cloudOnly } from "./cloud-only.ts";
import { dadsHeavy, dadsLight } from "./dads.ts";
import { edgeOnly, edgeOnlyLast } from "./edge-only.ts";
import { edgent } from "./edgent.ts";
import type { PolicyName } from "./names.ts";
import { neurosurgeon } from "./neurosurgeon.ts";
import type { Decide } from "./policy.ts";
import { portend } from "./portend.ts";
import { qdmp } from "./qdmp.ts";
import { spinn } from "./spinn.ts";
import { staticSplit } from "./static-split.ts";

/** The ways to plan that EDDI is compared with; each call begins anew. */
export const POLICIES: Readonly<Record<PolicyName, () => Decide>> = {
  "edge-only": () => edgeOnly,
  "edge-only-last": () => edgeOnlyLast,
  "cloud-raw": () => cloudOnly("raw"),
  "cloud-jpeg": () => cloudOnly("jpeg"),
  "cloud-webp": () => cloudOnly("webp"),
  "static-split": staticSplit,
  neurosurgeon: () => neurosurgeon,
  qdmp,
  "dads-light": () => dadsLight("published"),
  "dads-heavy": () => dadsHeavy("published"),
  "dads-light-corrected": () => dadsLight("corrected"),
  "dads-heavy-corrected": () => dadsHeavy("corrected"),
  edgent: () => edgent,
  branchynet: () => branchyNet,
  spinn: () => spinn,
  portend,
};

/** Anybody's first idea, or a system of the literature. */
export type PolicyKind = "trivial" | "published";

const TRIVIAL: readonly PolicyName[] = [
  "edge-only",
  "edge-only-last",
  "cloud-raw",
  "cloud-jpeg",
  "cloud-webp",
];

export function policyKind(name: PolicyName): PolicyKind {
  return TRIVIAL.includes(name) ? "trivial" : "published";
}

/** What a policy has to measure: nothing, its own device, or the network and the service too. */
export type Senses = "nothing" | "edge" | "network";

const SENSES: Readonly<Partial<Record<PolicyName, Senses>>> = {
  "edge-only": "edge",
  "edge-only-last": "nothing",
  "cloud-raw": "nothing",
  "cloud-jpeg": "nothing",
  "cloud-webp": "nothing",
  "static-split": "nothing",
  branchynet: "nothing",
  portend: "nothing",
};

export function sensesOf(name: PolicyName): Senses {
  return SENSES[name] ?? "network";
}
