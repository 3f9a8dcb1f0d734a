export type { Decide, Found, Known } from "./policy.ts";
