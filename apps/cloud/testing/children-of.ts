import { readdirSync, readFileSync } from "node:fs";

/** Processes that a process has started, as Linux tells them. A thread may end while it is looked at. */
export function childrenOf(pid: number | "self"): readonly number[] {
  const lists = readdirSync(`/proc/${pid}/task`).map((thread) => {
    try {
      return readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8");
    } catch {
      return "";
    }
  });
  return lists.flatMap((list) => list.split(" ").filter(Boolean).map(Number));
}
