import { readdirSync, readFileSync } from "node:fs";

/** Processes that another has started and that have not ended, on Linux. */
export function childrenOf(pid: number | "self"): number[] {
  const threads = readdirSync(`/proc/${pid}/task`);
  const lists = threads.map((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8"));
  return lists.join(" ").split(" ").filter(Boolean).map(Number);
}
