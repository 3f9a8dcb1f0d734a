import "@tensorflow/tfjs-backend-wasm";
import { readFileSync } from "node:fs";
import { memory, setBackend } from "@tensorflow/tfjs-core";
import { beforeAll, expect, test } from "vitest";
import { ancestors, closedHeads, subgraph } from "#shared/graph";
import { allCloud, allEdge, type Model, readModel, type Shard, shardsFor, splitPlan } from "#shared/model";
import { SegmentModel, type TensorValues } from "./index.ts";

const FOLDER = new URL("../../models/tiny/", import.meta.url);
const fileBytes = (path: string): Uint8Array => readFileSync(new URL(path, FOLDER));
const model: Model = readModel(fileBytes("model.json"));

beforeAll(async () => {
  await setBackend("wasm");
});

function open(shards: readonly Shard[]): SegmentModel {
  const segments = new SegmentModel(model);
  for (const shard of shards) segments.addShard(shard, fileBytes(shard.path));
  return segments;
}

/** A smooth picture. */
function picture(): TensorValues {
  const { height, width } = model.metadata.input;
  const values = Float32Array.from(
    { length: height * width * 3 },
    (_, i) => Math.sin(i / 97) * Math.cos(i / 11),
  );
  return { shape: [1, height, width, 3], values };
}

function largestDifference(a: TensorValues, b: TensorValues): number {
  expect(a.shape).toEqual(b.shape);
  return a.values.reduce((worst, value, i) => Math.max(worst, Math.abs(value - b.values[i]!)), 0);
}

test("head then tail agrees with the whole model at every cut of every exit", async () => {
  const segments = open(model.shards);
  const image = picture();
  let cuts = 0;
  for (const { id, node } of model.metadata.exits) {
    const dag = subgraph(model.dag, ancestors(model.dag, model.dag.names.indexOf(node)));
    const [whole] = await segments.runValues(splitPlan(model, allEdge(model, id)).head, [image]);
    for (const members of closedHeads(dag)) {
      const head = dag.names.filter((_, at) => members[at]);
      const split = splitPlan(model, { exit: id, head });
      const crossing = await segments.runValues(split.head, [image]);
      const answer = split.tail === null ? crossing : await segments.runValues(split.tail, crossing);
      expect(largestDifference(answer[0]!, whole!), `${id}, cut at ${split.cut}`).toBeLessThan(1e-5);
      cuts++;
    }
  }
  expect(cuts).toBeGreaterThan(40);
  segments.dispose();
});

test("a segment needs only its own shards", async () => {
  const exit = model.metadata.exits[0]!.id;
  const { head } = splitPlan(model, allEdge(model, exit));
  const shards = shardsFor(model, head.nodes);
  expect(shards.length).toBeLessThan(model.shards.length);
  const segments = open(shards);
  const [scores] = await segments.runValues(head, [picture()]);
  expect(scores!.values.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
  const last = splitPlan(model, allEdge(model, model.metadata.exits.at(-1)!.id)).head;
  await expect(segments.runValues(last, [picture()])).rejects.toThrow(/expected shard .* not loaded/);
  for (const shard of model.shards) segments.addShard(shard, fileBytes(shard.path));
  await segments.runValues(last, [picture()]);
  segments.dispose();
});

test("nothing leaks", async () => {
  const before = memory().numTensors;
  const segments = open(model.shards);
  const loaded = memory().numTensors;
  for (const plan of [allCloud, allEdge]) {
    const { head } = splitPlan(model, plan(model, model.metadata.exits[0]!.id));
    await segments.runValues(head, [picture()]);
  }
  expect(memory().numTensors).toBe(loaded);
  segments.dispose();
  expect(memory().numTensors).toBe(before);
});

test("a shard that is cut short or altered is refused", () => {
  const segments = new SegmentModel(model);
  const shard = model.shards[0]!;
  const bytes = fileBytes(shard.path);
  expect(() => segments.addShard(shard, bytes.subarray(1))).toThrow(/expected \d+ bytes, got \d+/);
  const altered = Uint8Array.from(bytes);
  altered[7]! ^= 1;
  expect(() => segments.addShard(shard, altered)).toThrow(/expected SHA-256 [0-9a-f]{64}, got [0-9a-f]{64}/);
  expect(segments.shards.size).toBe(0);
});
