import { afterAll, beforeAll, expect, test } from "vitest";
import { loadModels } from "../models/registry.ts";
import { buildServer, type CloudServer } from "../server.ts";
import { floatTensor, imageBytes, MODELS_DIR, post, request, testConfig } from "../testing/fixture.ts";
import { ModelStats } from "./model-stats.ts";

interface Counted {
  readonly count: number;
  readonly ns: number;
}
type Row = { readonly batch_size: number } & Record<
  "compute_input" | "compute_infer" | "compute_output",
  Counted
>;
interface Stats {
  readonly inference_count: number;
  readonly execution_count: number;
  readonly inference_stats: Readonly<Record<string, Counted>>;
  readonly batch_stats: readonly Row[];
}
const STAGES = ["compute_input", "compute_infer", "compute_output"] as const;

/** Every row counts runs, in each of its columns; together they are all runs and all images. */
function expectAlike({ batch_stats: rows, inference_count: images, execution_count: runs }: Stats): void {
  for (const row of rows) {
    expect(STAGES.map((stage) => row[stage].count)).toEqual(Array(3).fill(row.compute_infer.count));
  }
  expect(rows.reduce((sum, row) => sum + row.compute_infer.count, 0)).toBe(runs);
  expect(rows.reduce((sum, row) => sum + row.batch_size * row.compute_infer.count, 0)).toBe(images);
}

test("a run of several requests is one, and so is each run of a request that was run in parts", async () => {
  const { model } = (await loadModels(MODELS_DIR)).find("tiny", null);
  const stats = new ModelStats();
  const answered = (images: number, batchImages: number) =>
    stats.answered(model, {
      images,
      batchImages,
      totalMs: 9,
      queueMs: 1,
      inputMs: 2,
      inferMs: 5,
      outputMs: 3,
    });
  stats.executed(model, 8, 5);
  for (let at = 0; at < 4; at++) answered(2, 8);
  for (const images of [8, 8, 4]) stats.executed(model, images, 5);
  answered(20, 8);
  const described = stats.describe(model, "tiny") as Stats;
  expectAlike(described);
  expect(described.batch_stats.map(({ batch_size, compute_infer }) => [batch_size, compute_infer])).toEqual([
    [4, { count: 1, ns: 5e6 }],
    [8, { count: 3, ns: 15e6 }],
  ]);
  // What their five requests took beside.
  expect(described.batch_stats[1]!.compute_input).toEqual({ count: 3, ns: 10e6 });
  expect(described.batch_stats[1]!.compute_output).toEqual({ count: 3, ns: 15e6 });
  for (const stage of [...STAGES, "success", "queue"])
    expect(described.inference_stats[stage]!.count).toBe(5);
});

let server: CloudServer;
beforeAll(async () => {
  // However slow the machine is, none is told to come back later.
  server = await buildServer(testConfig({ maxBatch: 8, maxQueueMs: 600_000 }));
  await server.ready;
});
afterAll(() => server.close(0));

test("the service counts what ran, not what failed", async () => {
  const infer = (images: number) => {
    const data = imageBytes(images, images * 3072);
    return post(
      server.app,
      request([{ name: "image", datatype: "UINT8", shape: [images, 32, 32, 3], data }]),
    );
  };
  const bad = () =>
    post(
      server.app,
      request([floatTensor("image", [1, 32, 32, 3], new Float32Array(3072).fill(Number.NaN))]),
    );
  const sizes = Array.from({ length: 60 }, (_, at) => 1 + (at % 8));
  const answers = await Promise.all(sizes.flatMap((images) => [infer(images), bad()]));
  const good = answers.filter(({ statusCode }) => statusCode === 200).length;
  expect(good).toBe(60);
  const {
    model_stats: [stats],
  } = (await server.app.inject("/v2/models/tiny/stats")).json();
  expectAlike(stats);
  expect(stats.inference_count).toBe(sizes.reduce((sum, images) => sum + images, 0));
  expect(stats.inference_stats).toMatchObject({ success: { count: 60 }, fail: { count: 60 } });
});
