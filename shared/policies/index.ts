export type { Decide, Found, Known } from "./policy.ts";
export { POLICIES, type PolicyKind, type PolicyName, policyKind, type Senses, sensesOf } from "./table.ts";
