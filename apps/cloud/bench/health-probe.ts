import { setTimeout as sleep } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { Pool } from "undici";

/** The thread's data. */
export interface HealthSetup {
  /** This module. */
  readonly entry: string;
  /** Of the service. */
  readonly url: string;
}

/** So many that a 99th percentile means something, and no load of its own. */
const EVERY_MS = 50;

// A thread that asks whether a service lives until it is told to stop; it then tells how many milliseconds each answer
// took: for ever, where none came.
const pool = new Pool((workerData as HealthSetup).url, { connections: 4, pipelining: 1 });
const times: number[] = [];
let stopping = false;
parentPort!.once("message", () => {
  stopping = true;
});
parentPort!.postMessage("started");
while (!stopping) {
  const startMs = performance.now();
  try {
    const { body } = await pool.request({ method: "GET", path: "/v2/health/live" });
    await body.text();
    times.push(performance.now() - startMs);
  } catch {
    times.push(Number.POSITIVE_INFINITY);
  }
  await sleep(EVERY_MS);
}
await pool.close();
parentPort!.postMessage(times);
