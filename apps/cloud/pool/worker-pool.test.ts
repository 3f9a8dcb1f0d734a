import { readdirSync, readFileSync } from "node:fs";
import { getPriority } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { Worker } from "node:worker_threads";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { EddiError } from "#shared/errors";
import { loadModels } from "../models/registry.ts";
import { tailTo } from "../protocol/infer.ts";
import { buildServer } from "../server.ts";
import type { TailJob } from "../tails/executor.ts";
import {
  imageBytes,
  MODELS_DIR,
  POISONABLE_WORKER,
  post,
  request,
  testConfig,
  tinyImage,
} from "../testing/fixture.ts";
import { WORKER_NICENESS } from "../worker/lower-priority.ts";
import { type PoolOptions, WorkerPool } from "./worker-pool.ts";

const tiny = (await loadModels(MODELS_DIR)).find("tiny", null);

const threads: Worker[] = [];
const remember = (thread: Worker) => threads.push(thread);
beforeEach(() => process.on("worker", remember));
afterEach(() => {
  process.off("worker", remember);
  threads.length = 0;
});

const poison = (kind: "crash" | "hang") => threads.at(-1)!.postMessage({ kind });

async function openPool(change: Partial<PoolOptions> = {}) {
  const troubles: string[] = [];
  const pool = new WorkerPool({
    engine: "wasm",
    precision: "fp32",
    workers: 1,
    isolation: "thread",
    maxQueueMs: 120_000,
    maxQueueBytes: 2 * 3072,
    maxBatch: 1,
    runLimitMs: 60_000,
    models: [tiny.files],
    onTrouble: (message) => troubles.push(message),
    entry: POISONABLE_WORKER,
    ...change,
  });
  await pool.started;
  return { pool, troubles };
}

function job(change: Partial<TailJob> = {}): TailJob {
  return {
    model: tiny.files.key,
    segment: tailTo(tiny.model, ["image"], ["exit1"]),
    tensors: [tinyImage()],
    parameters: {},
    startBy: performance.now() + 120_000,
    finishBy: Number.POSITIVE_INFINITY,
    signal: new AbortController().signal,
    ...change,
  };
}

/** How each job ends: its number of scores, or the code of its error. */
const ends = (jobs: readonly Promise<{ outputs: readonly { values: Float32Array }[] }>[]) =>
  Promise.all(
    jobs.map((one) =>
      one.then(
        ({ outputs }) => outputs[0]!.values.length,
        (error: EddiError) => error.code,
      ),
    ),
  );

describe("a pool", () => {
  test("replaces a worker that crashes: its job fails, the next ones run", async () => {
    const { pool, troubles } = await openPool();
    poison("crash");
    expect(await ends([pool.run(job()), pool.run(job())])).toEqual(["unavailable", 10]);
    expect(threads).toHaveLength(2);
    expect(troubles).toEqual([expect.stringMatching(/a worker was lost and is replaced: .*exit code 3/)]);
    await pool.close();
  });

  test("replaces a worker that hangs: its job fails, the next ones run", async () => {
    const { pool } = await openPool({ runLimitMs: 1_500 });
    poison("hang");
    expect(await ends([pool.run(job()), pool.run(job())])).toEqual(["unavailable", 10]);
    expect(threads).toHaveLength(2);
    await pool.close();
  });

  test("an idle worker that crashes is replaced too", async () => {
    const { pool } = await openPool();
    poison("crash");
    await expect.poll(() => threads.length).toBe(2);
    expect(await ends([pool.run(job())])).toEqual([10]);
    await pool.close();
  });

  test("refuses what is over the bound, late or gone, and rejects everything pending on close", async () => {
    const { pool } = await openPool({ maxQueueBytes: 3 * 3072 });
    poison("hang");
    const gone = new AbortController();
    const runs = [
      pool.run(job()),
      pool.run(job({ startBy: performance.now() + 50 })),
      pool.run(job({ signal: gone.signal })),
      pool.run(job()),
      pool.run(job()),
    ];
    expect(pool.load()).toMatchObject({ queued: 3, running: 1 });
    const codes = ends(runs);
    await expect.poll(() => pool.load().queued).toBe(2);
    gone.abort();
    expect(pool.load().queued).toBe(1);
    await pool.close();
    expect(await codes).toEqual(["unavailable", "timeout", "cancelled", "unavailable", "unavailable"]);
    expect(await ends([pool.run(job())])).toEqual(["unavailable"]);
  });

  test("tells how long the next request would wait", async () => {
    const { pool } = await openPool({ maxQueueBytes: 1 << 20 });
    await pool.run(job());
    expect(pool.load()).toEqual({ queued: 0, running: 0, expectedQueueMs: 0 });
    poison("hang");
    const codes = ends([1, 2, 3, 4].map(() => pool.run(job())));
    expect(pool.load()).toMatchObject({ queued: 3, running: 1 });
    expect(pool.load().expectedQueueMs).toBeGreaterThan(0);
    await pool.close();
    expect(await codes).toEqual(Array(4).fill("unavailable"));
  });

  test("gives many at once their own answers, whatever runs together", async () => {
    const batches: number[] = [];
    const onBatch = (_: string, images: number) => batches.push(images);
    const { pool } = await openPool({ workers: 2, maxQueueBytes: 1 << 24, maxBatch: 8, onBatch });
    const shape = [1, 32, 32, 3];
    const of = (seed: number) =>
      job({ tensors: [{ name: "image", datatype: "UINT8", shape, data: imageBytes(seed, 3072) }] });
    const alone = [];
    for (let seed = 0; seed < 5; seed++) alone.push((await pool.run(of(seed))).outputs[0]!.values);
    const before = batches.length;
    const together = await Promise.all(Array.from({ length: 60 }, (_, at) => pool.run(of(at % 5))));
    for (const [at, { outputs }] of together.entries()) expect(outputs[0]!.values).toEqual(alone[at % 5]);
    const after = batches.slice(before);
    expect(after.reduce((sum, images) => sum + images, 0)).toBe(60);
    expect(Math.max(...after)).toBeLessThanOrEqual(8);
    await pool.close();
  });

  test("refuses at once what it knows would be late, and tries what it does not know", async () => {
    const { pool } = await openPool({ maxQueueBytes: 1 << 24 });
    const hurried = () => pool.run(job({ finishBy: performance.now() + 0.01 }));
    expect(["timeout", 10]).toContain((await ends([hurried()]))[0]);
    await pool.run(job());
    const code = await hurried().catch((error: EddiError) => ({ code: error.code, cause: error.cause }));
    expect(code).toEqual({ code: "timeout", cause: expect.objectContaining({ reason: "late" }) });
    expect(pool.load()).toMatchObject({ queued: 0, running: 0 });
    await pool.close();
  });

  test("runs a large job in parts beside others, and gives it what it gets alone", async () => {
    const batches: number[] = [];
    const onBatch = (_: string, images: number) => batches.push(images);
    const { pool } = await openPool({ maxQueueBytes: 1 << 24, maxBatch: 16, onBatch });
    const many = (client: string) => {
      const data = Buffer.concat(Array.from({ length: 64 }, (_, at) => imageBytes(at, 3072)));
      const shape = [64, 32, 32, 3];
      const tensors = [{ name: "image", datatype: "UINT8" as const, shape, data: new Uint8Array(data) }];
      return pool.run(job({ client, line: 0, tensors }));
    };
    const alone = await many("ada");
    expect(batches).toEqual([16, 16, 16, 16]);
    expect(alone.workMs).toBeCloseTo(alone.computeMs, 6);
    const others = (client: string) =>
      Array.from({ length: 40 }, (_, line) => pool.run(job({ client, line, tensors: [tinyImage(line)] })));
    const [first, large] = [others("bob"), many("ada")];
    const [together] = await Promise.all([large, ...first, ...others("cid")]);
    const [values, expected] = [together.outputs[0]!.values, alone.outputs[0]!.values];
    expect(values).toHaveLength(64 * 10);
    for (const [at, value] of values.entries()) expect(value).toBeCloseTo(expected[at]!, 4);
    expect(batches.reduce((sum, images) => sum + images, 0)).toBe(64 + 64 + 80);
    expect(together.batchImages).toBeLessThanOrEqual(16);
    expect(together.workMs).toBeLessThanOrEqual(together.computeMs + 1e-6);
    await pool.close();
  });

  test("fails a large job as a whole for what is wrong with one image", async () => {
    const { pool } = await openPool({ maxQueueBytes: 1 << 24, maxBatch: 16 });
    const values = new Float32Array(64 * 3072);
    values[40 * 3072] = Number.NaN;
    const data = new Uint8Array(values.buffer);
    const tensors = [{ name: "image", datatype: "FP32" as const, shape: [64, 32, 32, 3], data }];
    const others = Array.from({ length: 20 }, (_, line) => pool.run(job({ client: "bob", line })));
    const large = pool.run(job({ client: "ada", line: 0, tensors }));
    expect(await ends([large])).toEqual(["bad-tensor"]);
    expect(await ends(others)).toEqual(Array(20).fill(10));
    expect(pool.load()).toMatchObject({ queued: 0, running: 0 });
    await pool.close();
  });

  test("lets a client in whose own work is little, however much others have waiting", async () => {
    const { pool } = await openPool({ maxQueueMs: 50, maxQueueBytes: 40 * 3072 });
    poison("hang");
    const flood = Array.from({ length: 400 }, (_, line) => pool.run(job({ client: "bob", line })));
    const ended = ends(flood);
    const { queued } = pool.load();
    expect(queued).toBeLessThanOrEqual(40);
    // All of the memory is taken, or all of the time: one of them makes room.
    const light = pool.run(job({ client: "ada", line: 1 }));
    expect(pool.load().queued).toBeGreaterThanOrEqual(queued);
    expect(pool.load({ client: "ada", line: 2 }).expectedQueueMs).toBeLessThan(pool.load().expectedQueueMs);
    const late = ends([light]);
    await pool.close();
    expect(await late).toEqual(["unavailable"]);
    expect((await ended).filter((code) => code === "unavailable")).toHaveLength(400);
  });

  test("tells how long a worker takes to come, while none is alive", async () => {
    const startMs = performance.now();
    const told: number[] = [];
    const refusals: unknown[] = [];
    const { pool } = await openPool({
      maxQueueMs: 1,
      onLost: () => {
        expect(pool.liveCount()).toBe(0);
        told.push(pool.load().expectedQueueMs, pool.load({ client: "ada", line: 0 }).expectedQueueMs);
        pool.run(job({ client: "ada", line: 0 })).catch((error) => refusals.push(error));
      },
    });
    const tookMs = performance.now() - startMs;
    expect(pool.liveCount()).toBe(1);
    poison("crash");
    await expect.poll(() => refusals.length).toBe(1);
    expect(told).toHaveLength(2);
    for (const ms of told) expect(ms).toBeGreaterThan(0.5 * tookMs);
    const { code, cause } = refusals[0] as { code: string; cause: { reason: string; retryAfterMs: number } };
    expect([code, cause.reason]).toEqual(["unavailable", "no-worker"]);
    expect(cause.retryAfterMs).toBeGreaterThan(0.5 * tookMs);
    await expect.poll(() => pool.liveCount()).toBe(1);
    expect(pool.load().expectedQueueMs).toBe(0);
    expect(await ends([pool.run(job())])).toEqual([10]);
    await pool.close();
  });

  test("serves on while its models change: what is new runs, what was there ends", async () => {
    const { pool } = await openPool({ maxQueueBytes: 1 << 24 });
    const other = { ...tiny.files, key: "tiny@other" };
    let done = false;
    const changed = pool.setModels([tiny.files, other]).finally(() => {
      done = true;
    });
    let served = 0;
    while (!done) {
      expect(await ends([pool.run(job())])).toEqual([10]);
      served++;
    }
    await changed;
    expect(served).toBeGreaterThan(1);
    expect(threads).toHaveLength(2);
    expect(await ends([pool.run(job({ model: other.key })), pool.run(job())])).toEqual([10, 10]);
    await pool.close();
  });

  test.skipIf(process.platform !== "linux")(
    "threads that compute let the event loop go first (on Linux)",
    async () => {
      const { pool } = await openPool({ workers: 2 });
      // Field 19 of proc_pid_stat(5), counted behind the name, which may hold spaces.
      const nicenessOf = (stat: string) => Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16]);
      const stats = readdirSync("/proc/self/task").map((id) =>
        readFileSync(`/proc/self/task/${id}/stat`, "utf8"),
      );
      const own = getPriority();
      const lower = stats.filter((stat) => nicenessOf(stat) === Math.min(19, own + WORKER_NICENESS));
      expect(lower.length).toBeGreaterThanOrEqual(2);
      expect(stats.length - lower.length).toBeGreaterThanOrEqual(1);
      await pool.close();
    },
  );

  test("closes while it starts", async () => {
    const pool = new WorkerPool({
      engine: "wasm",
      precision: "fp32",
      workers: 2,
      isolation: "thread",
      maxQueueMs: 1000,
      maxQueueBytes: 1 << 20,
      maxBatch: 1,
      runLimitMs: 1000,
      models: [tiny.files],
      onTrouble: () => {},
    });
    const started = expect(pool.started).rejects.toThrow("closing");
    await pool.close();
    await started;
  });
});

describe("the service", () => {
  const image = tinyImage();

  test("answers everything else while a tail runs, and a tail that does not end with 503", async () => {
    const server = await buildServer(testConfig({ requestTimeoutMs: 1500 }), POISONABLE_WORKER);
    expect((await server.app.inject("/v2/health/ready")).statusCode).toBe(503);
    const early = await post(server.app, request([image]));
    expect(early.statusCode).toBe(503);
    expect(early.headers["retry-after"]).toBe("1");
    expect(early.json()).toEqual({ error: "the service is starting" });
    await server.ready;

    const order: string[] = [];
    poison("hang");
    const tail = post(server.app, request([image])).then((response) => {
      order.push(`tail ${response.statusCode}`);
    });
    for (const path of ["live", "ready", "live"]) {
      const { statusCode } = await server.app.inject(`/v2/health/${path}`);
      order.push(`${path} ${statusCode}`);
    }
    await tail;
    expect(order).toEqual(["live 200", "ready 200", "live 200", "tail 503"]);
    const next = async () => (await post(server.app, request([image]))).statusCode;
    await expect.poll(next).toBe(200);
    await server.close();
  });

  test("on close is not ready, serves what still comes, and gives up a tail that does not end", async () => {
    const server = await buildServer(testConfig(), POISONABLE_WORKER);
    await server.ready;
    const running = post(server.app, request([image]));
    await sleep(20);
    const endless = server.close(500);
    poison("hang");
    const late = post(server.app, request([image]));
    expect((await server.app.inject("/v2/health/live")).statusCode).toBe(200);
    const ready = await server.app.inject("/v2/health/ready");
    expect(ready.statusCode).toBe(503);
    expect(ready.headers.connection).toBe("close");
    expect((await running).statusCode).toBe(200);
    expect((await late).statusCode).toBe(503);
    expect((await late).json()).toEqual({ error: "the service is closing" });
    await endless;
  });
});
