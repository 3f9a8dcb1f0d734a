/** Whether heads were timed (the edge) or tails (the cloud). */
export type Role = "head" | "tail";
