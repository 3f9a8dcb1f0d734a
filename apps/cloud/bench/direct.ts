import type { EngineChoice } from "../../engines/index.ts";
import { WorkerPool } from "../pool/worker-pool.ts";
import type { Workload } from "./workload.ts";

const NO_LIMIT = Number.MAX_SAFE_INTEGER;
const RUN_LIMIT_MS = 60_000;
const WARM_UP_S = 1;

/** Requests a second of the same workers without HTTP, so many at a time. */
export async function directThroughput(
  engine: EngineChoice,
  { files, segment, tensor, parameters }: Workload,
  workers: number,
  clients: number,
  seconds: number,
): Promise<number> {
  const pool = new WorkerPool({
    engine,
    precision: "fp32",
    workers,
    isolation: "auto",
    maxQueueMs: NO_LIMIT,
    maxQueueBytes: NO_LIMIT,
    maxBatch: 32,
    runLimitMs: RUN_LIMIT_MS,
    models: [files],
    onTrouble: (message) => process.stderr.write(`${message}\n`),
  });
  await pool.started;
  const run = () =>
    pool.run({
      model: files.key,
      segment,
      // The buffers are handed over each time.
      tensors: [{ ...tensor, data: tensor.data.slice() }],
      parameters,
      startBy: Number.POSITIVE_INFINITY,
      finishBy: Number.POSITIVE_INFINITY,
      signal: new AbortController().signal,
    });
  const runFor = async (s: number): Promise<number> => {
    const endMs = performance.now() + 1000 * s;
    let done = 0;
    const client = async (): Promise<void> => {
      while (performance.now() < endMs) {
        await run();
        done++;
      }
    };
    await Promise.all(Array.from({ length: clients }, client));
    return done / s;
  };
  await runFor(WARM_UP_S);
  const throughput = await runFor(seconds);
  await pool.close();
  return throughput;
}
