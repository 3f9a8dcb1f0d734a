export {
  POLICIES,
  type PolicyKind,
  type PolicyName,
  policyKind,
  policyNamed,
  type Senses,
  sensesOf,
} from "./policies.ts";
export type { Decide, Found, Known } from "./policy.ts";
