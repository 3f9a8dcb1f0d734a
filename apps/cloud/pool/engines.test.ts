import { afterAll, expect, test } from "vitest";
import { EddiError } from "#shared/errors";
import { elementCount, type Model, type Segment, type TensorInfo, tailOf } from "#shared/model";
import { randomFrom } from "#shared/random";
import { ENGINES, type EngineChoice } from "../../engines/index.ts";
import { loadModels, modelKey } from "../models/registry.ts";
import type { Tail, TailJob } from "../tails/executor.ts";
import { ALL_MODELS_DIR, floatTensor } from "../testing/fixture.ts";
import { WorkerPool } from "./worker-pool.ts";

const registry = await loadModels(ALL_MODELS_DIR);

/** Largest difference of two probabilities; engines add in different orders. */
const TOLERANCE = 1e-3;
const IMAGES = 3;

const pools: WorkerPool[] = [];
afterAll(() => Promise.all(pools.map((pool) => pool.close())));

/** A pool of one worker, warm; an engine that is not installed throws `unavailable`. */
async function openPool(engine: EngineChoice, ids: readonly string[]) {
  const pool = new WorkerPool({
    engine,
    precision: "fp32",
    workers: 1,
    isolation: "auto",
    maxQueueMs: Number.MAX_SAFE_INTEGER,
    maxQueueBytes: Number.MAX_SAFE_INTEGER,
    maxBatch: IMAGES,
    runLimitMs: 60_000,
    models: ids.map((id) => registry.find(id, null).files),
    onTrouble: () => {},
  });
  pools.push(pool);
  return { pool, engine: (await pool.started).engine };
}

/** The last exit's tails from every single tensor that is a cut. */
function tailsOf(one: Model): { tail: Tail; cut: string }[] {
  const exit = one.metadata.exits.at(-1)!.id;
  const segments = one.nodes.flatMap(({ name }): { cut: string; segment: Segment }[] => {
    try {
      return [{ cut: name, segment: tailOf(one, [name], exit) }];
    } catch (thrown) {
      if (thrown instanceof EddiError) return [];
      throw thrown;
    }
  });
  return segments.map(({ cut, segment }) => ({ cut, tail: { model: modelKey(one), segment } }));
}

/** Values within the cut's range, for several images. */
function valuesOf({ shape, range: [low, high] }: TensorInfo): Float32Array {
  const random = randomFrom(1);
  return Float32Array.from({ length: IMAGES * elementCount(shape) }, () => low + (high - low) * random());
}

async function scores(pool: WorkerPool, tail: Tail, info: TensorInfo, values: Float32Array) {
  const [cut] = tail.segment.feeds;
  const images = values.length / elementCount(info.shape);
  const job: TailJob = {
    ...tail,
    tensors: [floatTensor(cut!, [images, ...info.shape], values)],
    parameters: {},
    startBy: Number.POSITIVE_INFINITY,
    finishBy: Number.POSITIVE_INFINITY,
    signal: new AbortController().signal,
  };
  return (await pool.run(job)).outputs[0]!.values;
}

const furthest = (one: Float32Array, other: Float32Array): number =>
  one.reduce((most, value, at) => Math.max(most, Math.abs(value - other[at]!)), 0);

test.for(ENGINES.filter((name) => name !== "wasm"))(
  "engine %s answers every tail as WASM does, alone and in a batch",
  { timeout: 600_000 },
  async (name, { skip }) => {
    let opened = await openPool(name, ["tiny"]).catch((thrown: Error) => thrown);
    if (opened instanceof Error) return skip(opened.message);
    // Software that plays a GPU takes minutes for a photo.
    const ids = opened.engine.device === "gpu" ? registry.ids() : ["tiny"];
    if (ids.length > 1) opened = await openPool(name, ids);
    const { pool: wasm } = await openPool("wasm", ids);
    for (const one of ids.map((id) => registry.find(id, null).model)) {
      for (const { cut, tail } of tailsOf(one)) {
        const info = one.metadata.tensors[cut]!;
        const values = valuesOf(info);
        const expected = await scores(wasm, tail, info, values);
        const batch = await scores(opened.pool, tail, info, values);
        const alone = await scores(opened.pool, tail, info, values.subarray(0, values.length / IMAGES));
        const where = `${one.metadata.id} from ${cut}`;
        expect(furthest(expected, batch), where).toBeLessThan(TOLERANCE);
        expect(furthest(alone, expected.subarray(0, alone.length)), where).toBeLessThan(TOLERANCE);
      }
    }
  },
);
