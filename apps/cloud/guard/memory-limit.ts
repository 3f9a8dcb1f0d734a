import os from "node:os";

/** Of the memory that the service may use. */
const SHARE = 1 / 8;
const LEAST_BODIES = 2;
const MOST_BYTES = 1 << 30;

/**
 * How many bytes all bodies under way may take, where nobody says: an eighth of the memory that the service may use. The
 * rest is for models, for what waits, and for copies that are thrown away but still there.
 *
 * @param bodyLimitBytes of one body, which fits both as it came and inflated, whatever the memory
 */
export function defaultBytesUnderWay(bodyLimitBytes: number, memoryBytes = memoryLimit()): number {
  const share = Math.floor(memoryBytes * SHARE);
  return Math.max(LEAST_BODIES * bodyLimitBytes, Math.min(MOST_BYTES, share));
}

/** What the container may use, or the machine has. */
function memoryLimit(): number {
  // Without a limit it is 0, or more than any machine has.
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, os.totalmem()) : os.totalmem();
}
