import { readFileSync } from "node:fs";
import { afterEach, describe, expect, test } from "vitest";
import type { EddiError } from "#shared/errors";
import { loadModels } from "../models/registry.ts";
import { tailTo } from "../protocol/infer.ts";
import { killServices, startService } from "../testing/child-fixture.ts";
import { childrenOf } from "../testing/children-of.ts";
import { MODELS_DIR, tinyImage } from "../testing/fixture.ts";
import { type PoolOptions, WorkerPool } from "./worker-pool.ts";

const tiny = (await loadModels(MODELS_DIR)).find("tiny", null);
const RUN_LIMIT_MS = 1_000;

const pools: WorkerPool[] = [];
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});

async function openPool(isolation: PoolOptions["isolation"]): Promise<WorkerPool> {
  const pool = new WorkerPool({
    engine: "wasm",
    precision: "fp32",
    workers: 1,
    isolation,
    maxQueueMs: 10_000,
    maxQueueBytes: 1 << 20,
    maxBatch: 1,
    runLimitMs: RUN_LIMIT_MS,
    models: [tiny.files],
    onTrouble: () => {},
  });
  pools.push(pool);
  await pool.started;
  return pool;
}

/** The scores of one image; or the code of the error. */
const ask = (pool: WorkerPool): Promise<Float32Array | string> =>
  pool
    .run({
      model: tiny.files.key,
      segment: tailTo(tiny.model, ["image"], ["exit1"]),
      tensors: [tinyImage()],
      parameters: {},
      startBy: performance.now() + 20_000,
      finishBy: Number.POSITIVE_INFINITY,
      signal: new AbortController().signal,
    })
    .then(
      ({ outputs }) => outputs[0]!.values,
      (error: EddiError) => error.code,
    );

/** Processes that run the workers' module, of this one or another. */
function workersOf(pid: number | "self"): number[] {
  return childrenOf(pid).filter((child) =>
    readFileSync(`/proc/${child}/cmdline`, "utf8").includes("tail-worker"),
  );
}

const lives = (pid: number): boolean => {
  try {
    return !/^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
};

describe.skipIf(process.platform !== "linux")("workers that are processes (found in Linux's /proc)", () => {
  test("answer as threads do", async () => {
    const [thread, apart] = [await openPool("thread"), await openPool("process")];
    expect(workersOf("self")).toHaveLength(1);
    expect(await ask(apart)).toEqual(await ask(thread));
  });

  test.each([
    ["is killed", "SIGKILL"],
    ["hangs", "SIGSTOP"],
  ] as const)("one that %s amid a request is replaced: its job fails, the next runs", async (_, signal) => {
    const pool = await openPool("process");
    const [pid] = workersOf("self");
    process.kill(pid!, "SIGSTOP");
    const answers = [ask(pool), ask(pool)];
    expect(pool.load()).toMatchObject({ queued: 1, running: 1 });
    process.kill(pid!, signal);
    expect(await answers[0]).toBe("unavailable");
    expect(await answers[1]).toHaveLength(10);
    expect(workersOf("self")).not.toContain(pid);
  });

  test("leave it to the pool when to end", async () => {
    const pool = await openPool("process");
    const [pid] = workersOf("self");
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.kill(pid!, signal);
    expect(await ask(pool)).toHaveLength(10);
    await pool.close();
    expect(lives(pid!)).toBe(false);
  });

  test("do not outlive a service that is killed", async () => {
    const { child } = await startService("--isolation", "process");
    const workers = workersOf(child.pid!);
    expect(workers).toHaveLength(1);
    killServices();
    await expect.poll(() => workers.filter(lives)).toEqual([]);
  });
});
