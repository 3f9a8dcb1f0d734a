import { POLICY_NAMES, type PolicyName } from "#shared/policies";

/** What a policy's name ends with that is given EDDI's insurance: what planning does and what that does is told apart. */
export const INSURED = "+insured";

export type PlannerName = "eddi" | PolicyName | `${PolicyName}${typeof INSURED}`;

/** All ways to plan that there are: EDDI's, and the policies, each also insured. */
export const PLANNERS: readonly PlannerName[] = [
  "eddi",
  ...POLICY_NAMES,
  ...POLICY_NAMES.map((name) => `${name}${INSURED}` as const),
];
