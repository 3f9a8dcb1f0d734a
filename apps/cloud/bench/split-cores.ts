import { execFileSync } from "node:child_process";
import os from "node:os";
import { EddiError } from "#shared/errors";

/** Cores as taskset has them: `0-3`. */
export interface Cores {
  readonly service: string;
  readonly clients: string;
}

/**
 * Keeps this process, the clients', to the second half of the machine's cores, so that what clients take is not taken
 * from a service on the first half: as if they were on machines of their own.
 *
 * @throws EddiError `unavailable` with one core, or without taskset
 */
export function splitCores(): Cores {
  const count = os.availableParallelism();
  const half = Math.floor(count / 2);
  if (half === 0) throw new EddiError("unavailable", `--apart: expected 2 cores or more, got ${count}`);
  const cores = { service: `0-${half - 1}`, clients: `${half}-${count - 1}` };
  try {
    execFileSync("taskset", ["-a", "-p", "-c", cores.clients, String(process.pid)]);
  } catch (cause) {
    const message = `--apart: expected Linux's taskset, got: ${(cause as Error).message}`;
    throw new EddiError("unavailable", message, { cause });
  }
  return cores;
}
