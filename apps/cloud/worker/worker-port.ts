import { once } from "node:events";
import { parentPort, workerData } from "node:worker_threads";
import type { Crashed, TailReply, TailRequest, TailSetup } from "../worker-messages/tail-messages.ts";

/** How a worker, be it a thread or a process, talks with its pool. */
export interface WorkerPort {
  readonly setup: TailSetup;
  listen(onRequest: (request: TailRequest) => void): void;
  reply: (reply: TailReply) => void;
}

/** Of this thread or process. A process ends with its pool's. */
export const port: WorkerPort = parentPort === null ? await ofProcess() : ofThread(parentPort);

function ofThread(pool: NonNullable<typeof parentPort>): WorkerPort {
  return {
    setup: workerData as TailSetup,
    listen: (onRequest) => pool.on("message", onRequest),
    reply: (reply) => pool.postMessage(reply),
  };
}

async function ofProcess(): Promise<WorkerPort> {
  process.on("disconnect", () => process.exit());
  process.on("uncaughtException", ({ message }) => {
    const crashed: Crashed = { kind: "crashed", reason: message };
    process.send?.(crashed, () => process.exit(1));
  });
  // A terminal, or whoever ends the service, sends these to all of its processes; it is the pool that ends this one, once
  // nothing is under way.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => {});
  const [setup] = (await once(process, "message")) as [TailSetup];
  return {
    setup,
    listen: (onRequest) => process.on("message", onRequest),
    reply: (reply) => process.send?.(reply),
  };
}
