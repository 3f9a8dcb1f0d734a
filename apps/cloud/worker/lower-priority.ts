import { readlinkSync } from "node:fs";
import { getPriority, setPriority } from "node:os";

/** Of threads that compute, above that of the event loop: it is a matter of niceness. */
export const WORKER_NICENESS = 5;

const LEAST = 19;

/**
 * Lets other threads go first, where the system can tell threads apart (Linux): on a machine whose cores are all at
 * work, the event loop must still take requests, refuse them and say that it lives. What the thread starts later does
 * as it does.
 */
export function lowerPriority(): void {
  try {
    const [, , thread] = readlinkSync("/proc/thread-self").split("/");
    setPriority(Number(thread), Math.min(LEAST, getPriority() + WORKER_NICENESS));
  } catch {
    // Elsewhere a process has but one priority.
  }
}
