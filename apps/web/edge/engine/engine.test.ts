import { readFileSync } from "node:fs";
import { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import { memory, ready, registerBackend, removeBackend, setBackend } from "@tensorflow/tfjs-core";
import { beforeEach, expect, test } from "vitest";
import { EddiError } from "#shared/errors";
import { allEdge, exitById, readModel, splitPlan } from "#shared/model";
import { faultOf, isConstant } from "./check-results.ts";
import { Engine } from "./engine.ts";
import { release } from "./held.ts";

const folder = "models/tiny";
const model = readModel(readFileSync(`${folder}/model.json`));
const last = model.metadata.exits.at(-1)!.id;
const whole = splitPlan(model, allEdge(model, last)).head;
const { node } = exitById(model.metadata, last);
const { shape } = model.nodes[0]!.tensor;
const values = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, at) => Math.sin(at / 7));
const feeds = new Map([[model.metadata.input.node, { shape: [1, ...shape], values }]]);

/** Computes as TF.js' own does, until what is read back is spoiled: a device that fails without a word. */
class Silent extends MathBackendCPU {
  spoil: ((values: Float32Array) => Float32Array) | null = null;
  reads = 0;

  override async read(dataId: object) {
    const read = await super.read(dataId);
    this.reads += 1;
    return this.spoil !== null && read instanceof Float32Array ? this.spoil(read.slice()) : read;
  }
}

let device: Silent;
let engine: Engine;
beforeEach(async () => {
  device = new Silent();
  removeBackend("cpu");
  registerBackend("cpu", () => device);
  await setBackend("cpu");
  await ready();
  engine = new Engine(model, "wasm", 1);
  for (const shard of model.shards) engine.addShard(shard, readFileSync(`${folder}/${shard.path}`));
});

const run = () => engine.run(whole, feeds, [node]);

test("values that are no numbers, and scores that are none, are faults; others are not", () => {
  const of = (...numbers: number[]) => Float32Array.from(numbers);
  expect(faultOf(of(1, Number.NaN), null)).toBe("expected finite values, got NaN");
  expect(faultOf(of(1, Number.POSITIVE_INFINITY), null)).toMatch("got Infinity");
  expect(faultOf(of(3, -7), null)).toBeNull();
  expect(faultOf(of(0, 0), null)).toBeNull();
  expect(faultOf(of(0, 0), "softmax")).toBe("expected scores that sum to 1, got 0.00");
  expect(faultOf(of(0.7, 0.7), "softmax")).toMatch("sum to 1, got 1.40");
  expect(faultOf(of(1.5, -0.5), "softmax")).toBe("expected probabilities, got -0.5");
  expect(faultOf(of(0.5, 0.504), "softmax")).toBeNull();
  expect(faultOf(of(0.9, 0.9), "sigmoid")).toBeNull();
  expect(faultOf(of(0.9, 1.5), "sigmoid")).toBe("expected probabilities, got 1.5");
  for (const kind of ["logits", "embedding", "vector"] as const) expect(faultOf(of(9, -7), kind)).toBeNull();
  expect(isConstant(of(0, 0, 0))).toBe(true);
  expect(isConstant(of(0, 0, 1))).toBe(false);
  expect(isConstant(of(1))).toBe(false);
});

for (const [what, spoil] of [
  ["zeros", (read: Float32Array) => read.fill(0)],
  ["NaN", (read: Float32Array) => read.fill(Number.NaN)],
  ["one infinite score", (read: Float32Array) => read.fill(Number.POSITIVE_INFINITY, 0, 1)],
  ["scores of half their size", (read: Float32Array) => read.map((value) => value / 2)],
] as const) {
  test(`an engine that reads back ${what} gives no scores, and nothing is left behind`, async () => {
    release((await run()).held);
    const { numTensors } = memory();
    device.spoil = spoil;
    await expect(run()).rejects.toMatchObject({ code: "internal" });
    expect(memory().numTensors).toBe(numTensors);
    device.spoil = null;
    const { held, values: scores } = await run();
    release(held);
    expect(scores[0]!.values.reduce((a, b) => a + b)).toBeCloseTo(1, 4);
  });
}

test("constant tensors of a cut are believed only of an engine that computes its self-test, and then for good", async () => {
  const [input, first] = allEdge(model, last).head;
  const cut = splitPlan(model, { exit: last, head: [input!, first!] }).head;
  const runCut = async (): Promise<Float32Array> => {
    const { held, values: read } = await engine.run(cut, feeds, cut.outputs);
    release(held);
    return read[0]!.values;
  };
  const { length } = await runCut();
  device.spoil = (read) => read.fill(0);
  await expect(runCut()).rejects.toThrow(/one and the same value everywhere; its self-test is wrong/);
  // The device is sound, the network gives nothing for this image.
  device.spoil = (read) => (read.length === length ? read.fill(0) : read);
  expect(isConstant(await runCut())).toBe(true);
  const { reads } = device;
  await runCut();
  expect(device.reads - reads, "without another self-test").toBe(1);
});

test("an engine that is closed fails what is under way and all that comes", async () => {
  const underWay = run();
  engine.close(new EddiError("unavailable", "device lost"));
  await expect(underWay).rejects.toMatchObject({ code: "unavailable", message: "device lost" });
  await expect(run()).rejects.toThrow("device lost");
});

test("what nobody waits for any more is not begun, and the engine goes on", async () => {
  const controller = new AbortController();
  const first = run();
  const second = engine.run(whole, feeds, [node], controller.signal);
  const reason = new EddiError("cancelled", "another photo");
  controller.abort(reason);
  await expect(second).rejects.toBe(reason);
  release((await first).held);
  release((await run()).held);
});

test("in parts it gives the same scores and leaves nothing behind, and ends where nobody waits any more", async () => {
  const { held, values: scores } = await run();
  const { numTensors } = memory();
  const parts = await engine.run(whole, feeds, [node], undefined, 5);
  expect(parts.values[0]!.values).toEqual(scores[0]!.values);
  release(parts.held);
  release(held);
  expect(memory().numTensors).toBeLessThan(numTensors);
  const before = memory().numTensors;
  const controller = new AbortController();
  const reason = new EddiError("cancelled", "the reply is there");
  let isOver = false;
  const ended = engine.run(whole, feeds, [node], controller.signal, 5).finally(() => {
    isOver = true;
  });
  // Something that comes meanwhile is seen between two parts.
  const { port1, port2 } = new MessageChannel();
  const seen = new Promise<boolean>((done) => {
    port1.onmessage = () => {
      controller.abort(reason);
      done(isOver);
      port1.close();
    };
  });
  port2.postMessage(null);
  await expect(ended).rejects.toBe(reason);
  expect(await seen).toBe(false);
  expect(memory().numTensors).toBe(before);
});
