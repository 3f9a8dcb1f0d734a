import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readModel, type Segment, tailOf } from "#shared/model";
import { exportSegment } from "#shared/onnx";
import type { TensorValues } from "#shared/runtime";
import { openEngine } from "./index.ts";
import { OnnxModel, type OnnxOptions, type Session } from "./onnx-model.ts";
import { openSessions } from "./onnxruntime.ts";
import { SessionShelf } from "./session-shelf.ts";

const TINY = new URL("../../models/tiny/", import.meta.url);
const read = (path: string): Uint8Array => readFileSync(new URL(path, TINY));
const MODEL = readModel(read("model.json"));
const EXITS = MODEL.metadata.exits.map(({ id }) => tailOf(MODEL, ["image"], id));
const [FIRST, SECOND] = EXITS as [Segment, Segment];
const LARGE = 1 << 30;

/** How a runtime misbehaves: what it gives instead of what WASM gives, after its golden check. */
interface Runtime {
  readonly open?: () => Promise<void>;
  readonly run?: (right: TensorValues[], run: number) => TensorValues[];
}

/** An image of one value. */
function image(value: number): readonly TensorValues[] {
  return [{ shape: [1, 32, 32, 3], values: new Float32Array(3072).fill(value) }];
}

/** A model on WASM, and a runtime that computes with another WASM and tells what is asked of it. */
async function openModel(runtime: Runtime, options: Partial<OnnxOptions> = {}) {
  const { load } = await openEngine("wasm");
  const other = load(MODEL);
  const told: string[] = [];
  const did: string[] = [];
  const tfjs = load(MODEL);
  const model = new OnnxModel(
    MODEL,
    {
      addShard: (shard, bytes) => tfjs.addShard(shard, bytes),
      runValues: (segment, feeds) => {
        did.push("tfjs");
        return tfjs.runValues(segment, feeds);
      },
      dispose: () => tfjs.dispose(),
    },
    {
      open: async (): Promise<Session> => {
        did.push("open");
        await runtime.open?.();
        let runs = 0;
        return {
          run: async (segment, feeds) => {
            const right = await other.runValues(segment, feeds);
            if (runs++ > 0) did.push("onnx");
            return runtime.run?.(right, runs) ?? right;
          },
          close: async () => void did.push("close"),
        };
      },
      shelf: new SessionShelf(LARGE),
      exportSegment,
      isChosen: true,
      precision: "fp32",
      tell: (message) => told.push(message),
      ...options,
    },
  );
  for (const shard of MODEL.shards) {
    model.addShard(shard, read(shard.path));
    other.addShard(shard, read(shard.path));
  }
  const truth = async (segment: Segment, feeds: readonly TensorValues[]) =>
    (await other.runValues(segment, feeds))[0]!.values;
  const scores = async (segment: Segment, feeds = image(0.5)) =>
    (await model.runValues(segment, feeds))[0]!.values;
  return { model, told, did, truth, scores };
}

const FIRST_NAME = "tiny, from image to exit1/scores: stays on TF.js, expected ONNX Runtime to run it: ";

test("TF.js answers until a session is open, which then does", async () => {
  let letOpen = (): void => {};
  const { model, did, truth, scores } = await openModel({
    open: () =>
      new Promise((resolve) => {
        letOpen = resolve;
      }),
  });
  const right = await truth(FIRST, image(0.5));
  expect(model.isStandIn(FIRST)).toBe(true);
  expect(await scores(FIRST)).toEqual(right);
  await expect.poll(() => did).toEqual(["tfjs", "open"]);
  expect(model.isStandIn(FIRST)).toBe(true);
  expect(await scores(FIRST)).toEqual(right);
  expect(did).toEqual(["tfjs", "open", "tfjs"]);
  letOpen();
  await model.opened();
  expect(model.isStandIn(FIRST)).toBe(false);
  expect(await scores(FIRST)).toEqual(right);
  expect(did).toEqual(["tfjs", "open", "tfjs", "onnx"]);
  model.dispose();
});

test.each<[string, Runtime, string]>([
  [
    "throws when it opens, as where memory is out",
    { open: () => Promise.reject(new Error("std::bad_alloc")) },
    "std::bad_alloc",
  ],
  [
    "gives other scores than TF.js",
    { run: (right) => right.map((one) => ({ ...one, values: one.values.map((value) => value + 0.1) })) },
    "it does not give what TF.js gives",
  ],
  [
    "throws when it runs",
    {
      run: (right, run) => {
        if (run > 1) throw new Error("device lost");
        return right;
      },
    },
    "device lost",
  ],
  [
    "gives scores that are no numbers",
    {
      run: (right, run) =>
        run > 1 ? right.map((one) => ({ ...one, values: one.values.map(() => Number.NaN) })) : right,
    },
    "got scores that are no numbers",
  ],
])("a runtime that %s is left for TF.js: told once, no answer is lost or wrong", async (_, runtime, why) => {
  const { model, told, did, truth, scores } = await openModel(runtime);
  const right = await truth(FIRST, image(0.5));
  await scores(FIRST);
  await model.opened();
  for (let i = 0; i < 3; i++) expect(await scores(FIRST)).toEqual(right);
  await model.opened();
  expect(told).toEqual([FIRST_NAME + why]);
  expect(did.filter((one) => one === "open")).toHaveLength(1);
  // TF.js is no stand-in any more.
  expect(model.isStandIn(FIRST)).toBe(false);
  // Another segment is none the worse for it.
  expect(await scores(SECOND)).toEqual(await truth(SECOND, image(0.5)));
  model.dispose();
});

test("tensors that lead to no numbers anywhere are not the runtime's fault", async () => {
  const { model, told, did, scores } = await openModel({});
  const segment = tailOf(MODEL, ["exit3/pool"], "exit3");
  const feeds = (value: number) => [{ shape: [1, 24], values: new Float32Array(24).fill(value) }];
  await scores(segment, feeds(1));
  await model.opened();
  expect((await scores(segment, feeds(3e38))).some(Number.isNaN)).toBe(true);
  await scores(segment, feeds(1));
  expect(told).toEqual([]);
  expect(did.at(-1)).toBe("onnx");
  model.dispose();
});

test("a segment that cannot be exported stays on TF.js and is told by its operation", async () => {
  const nodes = MODEL.nodes.map((node) => (node.op === "Mean" ? { ...node, op: "Cumsum" } : node));
  const { model, told, did, scores } = await openModel(
    {},
    { exportSegment: (_, segment, bytesOf) => exportSegment({ ...MODEL, nodes }, segment, bytesOf) },
  );
  for (let i = 0; i < 3; i++) await scores(FIRST);
  await model.opened();
  expect(told).toEqual([
    expect.stringContaining(`${FIRST_NAME}exit1/pool (Cumsum) cannot be exported to ONNX`),
  ]);
  expect(did).toEqual(["tfjs", "tfjs", "tfjs"]);
  model.dispose();
});

test("the least recently used session goes where all take more than they may, and comes back", async () => {
  const [first, second, third] = EXITS.map(
    (segment) => exportSegment(MODEL, segment, (path) => read(path)).byteLength,
  );
  const shelf = new SessionShelf(second! + third!);
  expect(first).toBeLessThan(second! + third!);
  const { model, did, scores } = await openModel({}, { shelf });
  for (const segment of EXITS) {
    await scores(segment);
    await model.opened();
  }
  expect(did).toEqual(["tfjs", "open", "tfjs", "open", "tfjs", "open", "close"]);
  await scores(EXITS[2]!);
  await scores(FIRST);
  await model.opened();
  expect(did.slice(7, 10)).toEqual(["onnx", "tfjs", "open"]);
  await scores(FIRST);
  expect(did.at(-1)).toBe("onnx");
  model.dispose();
});

test("a model that is withdrawn while a session opens leaves none behind, and says nothing", async () => {
  let letOpen = (): void => {};
  const { model, told, did, scores } = await openModel({
    open: () =>
      new Promise((resolve) => {
        letOpen = resolve;
      }),
  });
  await scores(FIRST);
  await expect.poll(() => did).toContain("open");
  model.dispose();
  letOpen();
  await model.opened();
  expect(did).toEqual(["tfjs", "open", "close"]);
  expect(told).toEqual([]);
});

test("where it is not chosen, what TF.js runs faster stays there", async () => {
  const slow: Runtime = {
    run: (right) => {
      const endMs = performance.now() + 300;
      while (performance.now() < endMs);
      return right;
    },
  };
  for (const isChosen of [true, false]) {
    const { model, told, did, scores } = await openModel(slow, { isChosen });
    await scores(FIRST);
    await model.opened();
    did.length = 0;
    await scores(FIRST);
    expect(did).toEqual([isChosen ? "onnx" : "tfjs"]);
    expect(told).toEqual([]);
    model.dispose();
  }
});

test("a file that is damaged is refused by ONNX Runtime, and TF.js answers", async ({ skip }) => {
  await openEngine("onnxruntime").catch((thrown: Error) => skip(thrown.message));
  const { model, told, did, truth, scores } = await openModel(
    {},
    { open: openSessions(), exportSegment: (...asked) => exportSegment(...asked).slice(0, -400) },
  );
  for (let i = 0; i < 2; i++) {
    expect(await scores(FIRST)).toEqual(await truth(FIRST, image(0.5)));
    await model.opened();
  }
  expect(told).toEqual([expect.stringContaining(FIRST_NAME)]);
  expect(did).toEqual(["tfjs", "tfjs"]);
  model.dispose();
});

test("in int8 a segment is exported so; where it gives something else it is computed in fp32, and that is told", async () => {
  const asked: string[] = [];
  const exported: OnnxOptions["exportSegment"] = (model, segment, bytesOf, options) => {
    asked.push(options.precision);
    return exportSegment(model, segment, bytesOf, options);
  };
  const near = (value: number) => ({
    run: (right: TensorValues[], run: number) =>
      // The check is each session's first run: of the first session off by this, of those behind it right.
      right.map((one) => ({
        ...one,
        values: one.values.map((score) => score + (run === 1 && asked.length === 1 ? value : 0)),
      })),
  });
  for (const [off, precisions, messages] of [
    [0.2, ["int8"], []],
    [
      0.5,
      ["int8", "fp32"],
      [expect.stringContaining("is computed in fp32, expected int8: it does not give")],
    ],
  ] as const) {
    asked.length = 0;
    const options = { precision: "int8", exportSegment: exported } as const;
    const { model, told, did, scores } = await openModel(near(off), options);
    await scores(FIRST);
    await model.opened();
    did.length = 0;
    await scores(FIRST);
    expect([asked, told, did]).toEqual([precisions, messages, ["onnx"]]);
    model.dispose();
  }
});
