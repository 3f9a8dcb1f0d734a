/** All policies of the table, by themselves: whoever only names one needs none of their code. */
export const POLICY_NAMES = [
  "edge-only",
  "edge-only-last",
  "cloud-raw",
  "cloud-jpeg",
  "cloud-webp",
  "static-split",
  "neurosurgeon",
  "qdmp",
  "dads-light",
  "dads-heavy",
  "dads-light-corrected",
  "dads-heavy-corrected",
  "edgent",
  "branchynet",
  "spinn",
  "portend",
] as const;

export type PolicyName = (typeof POLICY_NAMES)[number];
