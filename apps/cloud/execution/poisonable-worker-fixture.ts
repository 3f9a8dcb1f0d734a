import { parentPort } from "node:worker_threads";
import "./tail-worker.ts";

// For tests only: the real worker, which also does as it is told.
parentPort?.on("message", ({ kind }: { kind: string }) => {
  if (kind === "crash") process.exit(3);
  if (kind === "hang") for (;;);
});
