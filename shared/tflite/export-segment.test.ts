import "@tensorflow/tfjs-backend-wasm";
import { readFileSync } from "node:fs";
import { setBackend } from "@tensorflow/tfjs-core";
import { beforeAll, expect, test } from "vitest";
import { ancestors, closedHeads, subgraph } from "#shared/graph";
import { allEdge, readModel, type Segment, splitPlan } from "#shared/model";
import { SegmentModel, type TensorValues } from "#shared/runtime";
import { furthest, someValues } from "../exporting/small-model-fixture.ts";
import { exportSegment } from "./index.ts";
import { openLiteRt, runTflite } from "./litert-fixture.ts";

let litert: Awaited<ReturnType<typeof openLiteRt>>;
beforeAll(async () => {
  await setBackend("wasm");
  litert = await openLiteRt();
});

const TOLERANCE = 1e-4;

function open(id: string) {
  const read = (path: string): Uint8Array =>
    readFileSync(new URL(`../../models/${id}/${path}`, import.meta.url));
  const model = readModel(read("model.json"));
  const shards = new Map(model.shards.map(({ path }) => [path, read(path)]));
  const running = new SegmentModel(model);
  for (const shard of model.shards) running.addShard(shard, shards.get(shard.path)!);
  return { model, running, bytesOf: (path: string) => shards.get(path) };
}

/** How far LiteRT is from TF.js. */
async function apart({ model, running, bytesOf }: ReturnType<typeof open>, segment: Segment) {
  const feeds = segment.feeds.map((name): TensorValues => {
    const { shape, range } = model.metadata.tensors[name]!;
    return someValues([1, ...shape], range);
  });
  const expected = await running.runValues(segment, feeds);
  const found = await runTflite(litert, exportSegment(model, segment, bytesOf), segment, feeds);
  expect(found.map(({ shape }) => shape)).toEqual(expected.map(({ shape }) => shape));
  return Math.max(...found.map((one, at) => furthest(one, expected[at]!)));
}

const keyOf = ({ feeds, outputs }: Segment): string => JSON.stringify([feeds, outputs]);

test("every head of tiny, and every tail of several tensors, gives what TF.js gives", async () => {
  const opened = open("tiny");
  const { model, running } = opened;
  let several = 0;
  const tried = new Set<string>();
  for (const { id, node } of model.metadata.exits) {
    const dag = subgraph(model.dag, ancestors(model.dag, model.dag.names.indexOf(node)));
    for (const members of closedHeads(dag)) {
      const split = splitPlan(model, { exit: id, head: dag.names.filter((_, at) => members[at]) });
      const isOfSeveral = split.cut.length > 1;
      if (isOfSeveral) several++;
      // What a tail of one tensor is made of, one of several is too.
      for (const segment of [split.head, isOfSeveral ? split.tail : null]) {
        if (segment === null || segment.nodes.length === 0 || tried.has(keyOf(segment))) continue;
        tried.add(keyOf(segment));
        expect(await apart(opened, segment), `${id}, cut at ${split.cut}`).toBeLessThan(TOLERANCE);
      }
    }
  }
  expect(several).toBeGreaterThan(5);
  running.dispose();
});

test.each(["alexnet-cifar10", "mobilenet-imagenette", "resnet-imagenette", "inception-imagenette"])(
  "every exit of %s gives what TF.js gives",
  async (id) => {
    const opened = open(id);
    const { model, running } = opened;
    for (const exit of model.metadata.exits) {
      const { head } = splitPlan(model, allEdge(model, exit.id));
      expect(await apart(opened, head), exit.id).toBeLessThan(TOLERANCE);
    }
    running.dispose();
  },
);

test("what is fed can be asked for again", async () => {
  const opened = open("tiny");
  const [image, next] = opened.model.dag.names;
  const segment = { nodes: [next!], feeds: [image!], outputs: [image!, next!] };
  expect(await apart(opened, segment)).toBeLessThan(TOLERANCE);
  opened.running.dispose();
});
