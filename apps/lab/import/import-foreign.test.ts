import { existsSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { everyCut, openWorkshop, type Workshop } from "./import-fixture.ts";
import type { ImportJob } from "./import-model.ts";
import { readLabels } from "./labels.ts";

let workshop: Workshop;
beforeAll(async () => {
  workshop = await openWorkshop();
});
afterAll(() => workshop.remove());

const FOREIGN = "/work/shared/data/tfjs-models";
const has = (name: string): boolean => existsSync(path.join(FOREIGN, name, "model.json"));
const foreign = (name: string, change: Partial<ImportJob>) =>
  workshop.importing({}, { place: path.join(FOREIGN, name), ...change });

const MOBILENET = "mobilenet_v2_100_224-imagenet-uint8";
test.skipIf(!has(MOBILENET))("MobileNetV2 with uint8 weights", { timeout: 400_000 }, async () => {
  const labels = await readLabels(path.join(FOREIGN, MOBILENET, "labels.txt"));
  const { model, comparison, folder } = await foreign(MOBILENET, { labels });
  expect(comparison).toMatchObject({ maxDifference: expect.any(Number), sameTop1: 1 });
  expect(comparison.maxDifference).toBeLessThan(1e-5);
  expect(model.metadata.labels.slice(0, 2)).toEqual(["background", "tench, Tinca tinca"]);
  expect(model.shards.length).toBeGreaterThan(8);
  const weights = model.shards.flatMap((shard) => shard.weights);
  expect(weights.filter(({ quantization }) => quantization?.dtype === "uint8")).toHaveLength(53);
  expect(model.shards.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(3_543_276);
  expect(existsSync(path.join(folder, "LICENSE"))).toBe(true);
});

test.skipIf(!has("human-emotion-graph"))(
  "an emotion classifier of grey faces, without a signature",
  async () => {
    const { model, comparison, folder } = await foreign("human-emotion-graph", {});
    expect(comparison.maxDifference).toBeLessThan(1e-5);
    expect(model.metadata.input).toMatchObject({ height: 64, width: 64, channels: 1 });
    expect(model.metadata.labels).toHaveLength(7);
    const { cuts, worst } = await everyCut(folder);
    expect(cuts).toBeGreaterThan(20);
    expect(worst).toBeLessThan(1e-5);
  },
);

test.skipIf(!has("human-centernet-graph"))("an object detector is refused with its reasons", async () => {
  await expect(foreign("human-centernet-graph", {})).rejects.toThrow(
    /cannot be imported:\n {2}outputs: expected one, got tower_0\/wh \[1, 128, 128, 4\], tower_0\/keypoints .*, tower_0\/detections .*\n {2}tower_0\/TopKV2 \(TopKV2\): has several outputs.*\n {2}tower_0\/Equal \(Equal\): /,
  );
});
