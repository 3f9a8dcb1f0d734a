import "@tensorflow/tfjs-backend-cpu";
import { readFileSync } from "node:fs";
import { memory, ready, setBackend, tensor } from "@tensorflow/tfjs-core";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { allEdge, elementCount, readModel, type Segment, splitPlan } from "#shared/model";
import { SegmentModel, type TensorValues } from "#shared/runtime";
import { exportSegment } from "#shared/tflite";
import { openLiteRt } from "../../../../../shared/tflite/litert-fixture.ts";
import { LiteRtModel, type LiteRtOptions } from "./litert-model.ts";
import { openSession, type Session } from "./session.ts";

const folder = "models/tiny";
const model = readModel(readFileSync(`${folder}/model.json`));
const { exits } = model.metadata;
const heads = exits.map(({ id }) => splitPlan(model, allEdge(model, id)).head);
const [first, last] = [heads[0]!, heads.at(-1)!];
const [image] = model.dag.names;
const { shape } = model.nodes[0]!.tensor;
const values = Float32Array.from({ length: elementCount(shape) }, (_, at) => Math.sin(at / 7));
const feeds: readonly TensorValues[] = [{ shape: [1, ...shape], values }];

let litert: Awaited<ReturnType<typeof openLiteRt>>;
let tfjs: SegmentModel;
beforeAll(async () => {
  await setBackend("cpu");
  await ready();
  litert = await openLiteRt();
});
beforeEach(() => {
  tfjs = new SegmentModel(model);
  for (const shard of model.shards) tfjs.addShard(shard, readFileSync(`${folder}/${shard.path}`));
});

/** A session that does something else than LiteRT's once it was compared. */
type Spoil = (found: TensorValues[]) => TensorValues[];

function open(change: Partial<LiteRtOptions> = {}, spoil: Spoil | null = null) {
  const [jobs, broken, closed]: [(() => Promise<void>)[], string[], string[]] = [[], [], []];
  let opened = 0;
  const own = new LiteRtModel(tfjs, {
    write: async (segment) => exportSegment(model, segment, (path) => readFileSync(`${folder}/${path}`)),
    open: async (file): Promise<Session> => {
      const name = `session ${++opened}`;
      const session = await openSession(litert, file, "wasm");
      let runs = 0;
      return {
        run: async (given) => {
          const found = await session.run(given);
          return spoil === null || ++runs === 1 ? found : spoil(found);
        },
        close: () => {
          closed.push(name);
          session.close();
        },
      };
    },
    faultOf: (_, found) => (found.every(Number.isFinite) ? null : "expected finite values, got another"),
    later: (job) => jobs.push(job),
    onBroken: (message) => broken.push(message),
    ...change,
  });
  const compile = async (): Promise<void> => {
    for (const job of jobs.splice(0)) await job();
  };
  return { own, compile, broken, closed };
}

const right = (segment: Segment) => tfjs.runValues(segment, feeds);
function expectClose(found: readonly TensorValues[], expected: readonly TensorValues[]): void {
  for (const [at, { values: one, shape: sides }] of expected.entries()) {
    expect(found[at]!.shape).toEqual(sides);
    expect(Math.max(...one.map((value, i) => Math.abs(value - found[at]!.values[i]!)))).toBeLessThan(1e-4);
  }
}

test("TF.js runs a segment until LiteRT has compiled it", async () => {
  const { own, compile, broken } = open();
  expect([own.has(last), await own.runValues(last, feeds)]).toEqual([false, await right(last)]);
  await compile();
  expect(own.has(last)).toBe(true);
  expectClose(await own.runValues(last, feeds), await right(last));
  expect(broken).toEqual([]);
});

test("tensors go in and come out as with TF.js, what was fed too, and none is left", async () => {
  const { own } = open();
  const segment = { ...last, outputs: [image!, ...last.outputs] };
  await own.prepare(segment);
  expect(own.has(segment)).toBe(true);
  const before = memory().numTensors;
  const fed = tensor(values, [1, ...shape]);
  const outputs = await own.run(segment, [fed]);
  const found = await Promise.all(
    outputs.map(async (one) => ({ shape: one.shape, values: (await one.data()) as Float32Array })),
  );
  expect(found[0]!.values).toEqual(values);
  expectClose(found.slice(1), await right(last));
  fed.dispose();
  for (const one of outputs) one.dispose();
  expect(memory().numTensors).toBe(before);
});

test.each<[string, Spoil, RegExp]>([
  [
    "throws",
    () => {
      throw new Error("memory access out of bounds");
    },
    /^memory access out of bounds$/,
  ],
  [
    "gives what is no number",
    (found) => found.map((one) => ({ ...one, values: one.values.map(() => Number.NaN) })),
    /: expected finite values, got another$/,
  ],
  [
    "gives another shape",
    (found) => found.map((one) => ({ shape: [1, 3], values: one.values.slice(0, 3) })),
    /: expected \[1,10\], got \[1,3\]$/,
  ],
  ["gives nothing", () => [], /: expected \[1,10\], got \[\]$/],
])("a runtime that %s is over at once: TF.js answers, and that is told once", async (_, spoil, message) => {
  const { own, broken, closed } = open({}, spoil);
  await own.prepare(first);
  await own.prepare(last);
  expect(await own.runValues(last, feeds)).toEqual(await right(last));
  expect(broken).toEqual([expect.stringMatching(message)]);
  expect(closed).toEqual(["session 1", "session 2"]);
  expect(await own.runValues(last, feeds)).toEqual(await right(last));
  await own.prepare(first);
  expect([own.has(first), own.has(last), broken.length]).toEqual([false, false, 1]);
});

test("what computes something else than TF.js never runs, nor does a file that it cannot read", async () => {
  const other = open({
    // Of another segment with inputs and outputs of the same shapes: an answer that looks right.
    write: async () => exportSegment(model, first, (path) => readFileSync(`${folder}/${path}`)),
  });
  await other.own.prepare(last);
  expect(other.own.has(last)).toBe(false);
  expect(other.broken).toEqual([expect.stringMatching(/: expected TF\.js' values, got some off by /)]);
  expect(other.closed).toEqual(["session 1"]);

  const damaged = open({ write: async () => new Uint8Array(500).fill(7) });
  await damaged.own.prepare(last);
  expect([damaged.own.has(last), damaged.broken.length]).toEqual([false, 1]);
});

test("a segment that cannot be written stays on TF.js, and others do not", async () => {
  const { own, broken } = open({
    write: async (segment) => {
      if (segment.outputs[0] === last.outputs[0]) throw new Error("no such operation");
      return exportSegment(model, segment, (path) => readFileSync(`${folder}/${path}`));
    },
  });
  await own.prepare(last);
  await own.prepare(first);
  expect([own.has(last), own.has(first), broken]).toEqual([false, true, []]);
  expect(await own.runValues(last, feeds)).toEqual(await right(last));
});

test("beyond the bound the least recently used one goes, and can be compiled again", async () => {
  const { own, closed } = open({ maxBytes: 1 });
  await own.prepare(first);
  await own.prepare(last);
  expect([own.has(first), own.has(last), closed]).toEqual([false, true, ["session 1"]]);
  await own.prepare(first);
  expect([own.has(first), own.has(last)]).toEqual([true, false]);
  own.dispose();
  expect(closed).toHaveLength(3);
});
