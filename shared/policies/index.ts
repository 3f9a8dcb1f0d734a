export type { Decide, Found, Known } from "./policy.ts";
export { POLICIES, type PolicyKind, type PolicyName, type Senses, sensesOf } from "./table.ts";
