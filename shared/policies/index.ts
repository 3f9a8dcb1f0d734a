export { POLICY_NAMES, type PolicyName } from "./names.ts";
export type { Decide, Found, Known } from "./policy.ts";
export { POLICIES, type PolicyKind, policyKind, type Senses, sensesOf } from "./table.ts";
