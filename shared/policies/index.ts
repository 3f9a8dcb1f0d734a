export type { Decide, Found, Known } from "./policy.ts";
export { POLICIES, type PolicyName } from "./table.ts";
