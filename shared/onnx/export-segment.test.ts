import "@tensorflow/tfjs-backend-wasm";
import { readFileSync } from "node:fs";
import { setBackend } from "@tensorflow/tfjs-core";
import { beforeAll, expect, test } from "vitest";
import { ancestors, closedHeads, subgraph } from "#shared/graph";
import { type Model, readModel, type Segment, splitPlan, tailOf } from "#shared/model";
import { SegmentModel, type TensorValues } from "#shared/runtime";
import { furthest, someValues } from "../exporting/small-model-fixture.ts";
import { exportSegment } from "./index.ts";
import { findOrt, runOnnx } from "./onnx-fixture.ts";

const ort = findOrt();
beforeAll(() => setBackend("wasm"));

/** A few images, so that the batch is one. */
const IMAGES = 2;
const TOLERANCE = 1e-5;

function open(id: string) {
  const read = (path: string): Uint8Array =>
    readFileSync(new URL(`../../models/${id}/${path}`, import.meta.url));
  const model = readModel(read("model.json"));
  const shards = new Map(model.shards.map(({ path }) => [path, read(path)]));
  const running = new SegmentModel(model);
  for (const shard of model.shards) running.addShard(shard, shards.get(shard.path)!);
  return { model, running, bytesOf: (path: string) => shards.get(path) };
}

/** How far ONNX Runtime is from TF.js. */
async function apart({ model, running, bytesOf }: ReturnType<typeof open>, segment: Segment) {
  const feeds = segment.feeds.map((name): TensorValues => {
    const { shape, range } = model.metadata.tensors[name]!;
    return someValues([IMAGES, ...shape], range);
  });
  const expected = await running.runValues(segment, feeds);
  const found = await runOnnx(ort!, exportSegment(model, segment, bytesOf), segment, feeds);
  expect(found.map(({ shape }) => shape)).toEqual(expected.map(({ shape }) => shape));
  return Math.max(...found.map((one, at) => furthest(one, expected[at]!)));
}

test.skipIf(ort === null)("every tail and every head of tiny gives what TF.js gives", async () => {
  const opened = open("tiny");
  const { model, running } = opened;
  let several = 0;
  for (const { id, node } of model.metadata.exits) {
    const dag = subgraph(model.dag, ancestors(model.dag, model.dag.names.indexOf(node)));
    for (const members of closedHeads(dag)) {
      const split = splitPlan(model, { exit: id, head: dag.names.filter((_, at) => members[at]) });
      if (split.cut.length > 1) several++;
      for (const segment of [split.head, split.tail]) {
        if (segment === null || segment.nodes.length === 0) continue;
        expect(await apart(opened, segment), `${id}, cut at ${split.cut}`).toBeLessThan(TOLERANCE);
      }
    }
  }
  expect(several).toBeGreaterThan(5);
  running.dispose();
});

/** Of each architecture the tail from the image and two inner ones. */
test.skipIf(ort === null).each([
  ["alexnet-cifar10", ["pool2", "exit3/conv"]],
  ["mobilenet-imagenette", ["stage2/block1/project", "exit2/conv"]],
  ["resnet-imagenette", ["stage1/block1/relu", "neck"]],
  ["inception-imagenette", ["stem/pool", "a2/concat"]],
])("tails of %s give what TF.js gives", async (id, cuts) => {
  const opened = open(id);
  const { model, running } = opened;
  for (const cut of ["image", ...cuts]) {
    const exit = model.metadata.exits.findLast((one) => isCut(model, cut, one.id))!;
    expect(await apart(opened, tailOf(model, [cut], exit.id)), cut).toBeLessThan(TOLERANCE);
  }
  running.dispose();
});

function isCut(model: Model, name: string, exit: string): boolean {
  try {
    return tailOf(model, [name], exit).nodes.length > 0;
  } catch {
    return false;
  }
}

test("weights that are missing are told", () => {
  const model = readModel(readFileSync(new URL("../../models/tiny/model.json", import.meta.url)));
  const segment = tailOf(model, ["image"], model.metadata.exits[0]!.id);
  const missing = { code: "bad-weights", message: "weights-01.bin: expected its weights, not loaded" };
  expect(() => exportSegment(model, segment, () => undefined)).toThrow(expect.objectContaining(missing));
});
