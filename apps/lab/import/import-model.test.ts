import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { tensor4d } from "@tensorflow/tfjs-core";
import * as tfl from "@tensorflow/tfjs-layers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ancestors, closedHeads, subgraph } from "#shared/graph";
import { exitById, imageShape, luma, splitPlan } from "#shared/model";
import { miniPhotos, temporaryFolder } from "../data/fixture.ts";
import { exitScores } from "../evaluate/exit-scores.ts";
import { openModelFolder } from "../model-folder.ts";
import {
  classifier,
  floats,
  graphFiles,
  image,
  ints,
  layersFiles,
  type ModelFiles,
  node,
  quantised,
  type TinyModel,
  writeFiles,
} from "./fixture.ts";
import { type Imported, type ImportJob, importModel } from "./import-model.ts";
import { readLabels } from "./labels.ts";

let scratch: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  scratch = await temporaryFolder();
});
afterAll(() => scratch.remove());

let count = 0;
/** Imports files, from one new folder to another. */
async function importing(
  files: ModelFiles,
  change: Partial<ImportJob> = {},
): Promise<Imported & { folder: string }> {
  const id = change.id ?? `m${++count}`;
  const place = await writeFiles(path.join(scratch.folder, `from-${id}`), files);
  const folder = path.join(scratch.folder, "models", id);
  const job: ImportJob = {
    place,
    id,
    folder,
    labels: null,
    exits: null,
    range: [-1, 1],
    data: { dataOption: undefined, env: { XDG_CACHE_HOME: scratch.folder } },
    isForced: false,
    onProgress: () => {},
    ...change,
  };
  return { ...(await importModel(job)), folder };
}

/** Whatever is left of models, finished or not. */
const left = (): string[] => {
  const folder = path.join(scratch.folder, "models");
  return existsSync(folder) ? readdirSync(folder).sort() : [];
};

/** Head and tail of every cut of every exit give what the whole model does. */
async function expectEveryCut(folder: string): Promise<number> {
  const segments = await openModelFolder(folder);
  const { model } = segments;
  const shape = imageShape(model.metadata.input);
  const size = shape.reduce((a, b) => a * b);
  const images = tensor4d(floats("cut", [2 * size]).values, [2, ...shape]);
  const [input] = model.dag.names;
  let cuts = 0;
  for (const { id } of model.metadata.exits) {
    const { node } = exitById(model.metadata, id);
    const dag = subgraph(model.dag, ancestors(model.dag, model.dag.names.indexOf(node)));
    const every = { nodes: dag.names, feeds: [input as string], outputs: [node] };
    const [whole] = segments.run(every, [images]);
    const expected = whole!.dataSync();
    for (const head of closedHeads(dag)) {
      const split = splitPlan(model, { exit: id, head: dag.names.filter((_, at) => head[at]) });
      const cut = segments.run(split.head, [images]);
      const [scores] = split.tail === null ? cut : segments.run(split.tail, cut);
      const values = scores!.dataSync();
      const worst = Math.max(...expected.map((value, at) => Math.abs(value - values[at]!)));
      expect(worst, `cut at ${split.cut}`).toBeLessThan(1e-5);
      cuts++;
    }
  }
  segments.dispose();
  return cuts;
}

test("a classifier is folded, ends in a softmax, answers as it did, at every cut", async () => {
  const files = { ...graphFiles(classifier()), LICENSE: "MIT License" };
  const { model, comparison, counts, folder } = await importing(files, { labels: ["a", "b", "c", "d"] });
  expect(comparison.maxDifference).toBeLessThan(1e-5);
  expect(comparison.sameTop1).toBe(1);
  expect(counts).toEqual({ kind: "graph", total: 23, idle: 2, computed: 0, folded: 4, softened: 1 });
  expect(model.nodes.map(({ name, op }) => `${name} ${op}`)).toEqual([
    "input Placeholder",
    "a/relu _FusedConv2D",
    "b/bias _FusedConv2D",
    "sum AddV2",
    "sum/relu Relu",
    "pool Mean",
    "logits _FusedMatMul",
    "full/scores Softmax",
  ]);
  expect(model.metadata).toMatchObject({
    input: { node: "input", height: 8, width: 8, range: [-1, 1] },
    labels: ["a", "b", "c", "d"],
    exits: [{ id: "full", node: "full/scores", accuracy: null }],
  });
  const [low, high] = model.metadata.tensors["a/relu"]!.range;
  expect([low, high > 0 && high <= 6]).toEqual([0, true]);
  expect(await expectEveryCut(folder)).toBeGreaterThan(7);
  const card = readFileSync(path.join(folder, "card.md"), "utf8");
  for (const said of [
    "[LICENSE](LICENSE)",
    "4 classes.",
    "128 images of noise",
    "64 images of noise",
    "RGB",
  ]) {
    expect(card).toContain(said);
  }
  expect(readFileSync(path.join(folder, "LICENSE"), "utf8")).toBe("MIT License");
});

test("grey input, a batch of one, classes without names", async () => {
  const { model, folder, comparison } = await importing(graphFiles(classifier([1, 8, 6, 1])), {
    range: [0, 255],
  });
  expect(comparison.maxDifference).toBeLessThan(1e-5);
  expect(model.metadata.input).toEqual({ node: "input", height: 8, width: 6, channels: 1, range: [0, 255] });
  expect(model.metadata.labels).toEqual(["class 0", "class 1", "class 2", "class 3"]);
  await expectEveryCut(folder);
});

test("lab evaluate shows a grey model what the page does", async () => {
  const { folder } = await importing(graphFiles(classifier([-1, 8, 8, 1])));
  const segments = await openModelFolder(folder);
  const photos = miniPhotos(3, 8);
  const { scores } = await exitScores(segments, photos);
  const grey = Float32Array.from({ length: 3 * 64 }, (_, at) => {
    const [r = 0, g = 0, b = 0] = photos.pixels.subarray(3 * at, 3 * at + 3);
    return (luma(r, g, b) / 255) * 2 - 1;
  });
  const { nodes, metadata } = segments.model;
  const every = {
    nodes: nodes.map(({ name }) => name),
    feeds: ["input"],
    outputs: [metadata.exits[0]!.node],
  };
  const [expected] = await segments.runValues(every, [{ shape: [3, 8, 8, 1], values: grey }]);
  expect(Math.max(...scores[0]!.map((value, at) => Math.abs(value - expected!.values[at]!)))).toBeLessThan(
    1e-5,
  );
  segments.dispose();
});

test("named exits become exits, logits and probabilities alike", async () => {
  const model = classifier();
  const early: TinyModel = {
    nodes: [
      ...model.nodes,
      node("early/pool", "Mean", ["a/relu", "axes"]),
      node("early/dense", "MatMul", ["early/pool", "early/w"]),
      node("early/soft", "Softmax", ["early/dense"]),
    ],
    constants: [...model.constants, floats("early/w", [8, 4])],
  };
  const {
    model: made,
    folder,
    counts,
  } = await importing(graphFiles(early), { exits: ["Identity", "early/soft"] });
  expect(made.metadata.exits.map(({ id, node }) => [id, node])).toEqual([
    ["exit1", "early/soft"],
    ["exit2", "exit2/scores"],
  ]);
  expect(counts.softened).toBe(1);
  await expectEveryCut(folder);
});

test("quantised weights keep their bytes and are cut into shards at their borders", async () => {
  const wide = Array.from({ length: 4 }, (_, at) => quantised(floats(`w${at}`, [1, 1, 300, 300])));
  const first = quantised(floats("first", [1, 1, 3, 300]));
  const scale = floats("scale", [300]);
  const model: TinyModel = {
    nodes: [
      image([-1, 2, 2, 3]),
      node("c", "Conv2D", ["input", "first"]),
      ...wide.flatMap(({ name }, at) => [
        node(`k${at}`, "Conv2D", [at === 0 ? "c" : `t${at - 1}`, name]),
        ...(at === 0 ? [] : [node(`s${at}`, "Mul", [`k${at}`, "small"])]),
        node(`t${at}`, "Tanh", [at === 0 ? "k0" : `s${at}`]),
      ]),
      node("scaled", "Conv2D", ["t3", "narrow"]),
      node("pool", "Mean", ["scaled", "axes"]),
    ],
    constants: [
      ...wide,
      first,
      scale,
      quantised(floats("narrow", [1, 1, 300, 5])),
      ints("axes", [1, 2]),
      { ...floats("small", []), values: Float32Array.of(0.1) },
    ],
  };
  const { model: made, folder } = await importing(graphFiles(model));
  expect(made.shards.length).toBe(4);
  const specs = made.shards.flatMap(({ path: file, weights }) => {
    const bytes = readFileSync(path.join(folder, file));
    let at = 0;
    return weights.map((spec) => {
      const length = spec.shape.reduce((a, b) => a * b, 1) * (spec.quantization?.dtype === "uint8" ? 1 : 4);
      at += length;
      return { ...spec, bytes: bytes.subarray(at - length, at) };
    });
  });
  const find = (name: string) => specs.find((spec) => spec.name === name);
  // The first is not scaled and stays as it was; the others are, and are float32 now.
  expect(find("w0")).toMatchObject({ dtype: "float32", quantization: wide[0]!.stored!.quantization });
  expect(new Uint8Array(find("w0")!.bytes)).toEqual(wide[0]!.stored!.bytes);
  expect(find("s1/kernel")).toMatchObject({ shape: [1, 1, 300, 300] });
  expect(find("s1/kernel")!.quantization).toBeUndefined();
  await expectEveryCut(folder);
});

describe("what cannot be imported leaves nothing behind", () => {
  async function refused(
    files: ModelFiles,
    message: string | RegExp,
    change: Partial<ImportJob> = {},
  ): Promise<void> {
    const before = left();
    await expect(importing(files, change)).rejects.toThrow(message);
    expect(left()).toEqual(before);
  }

  test("labels that are too few, or too many", async () => {
    for (const labels of [["a"], ["a", "b", "c", "d", "e"]]) {
      const message = `--labels: expected 4 names, one for each score, got ${labels.length}`;
      await refused(graphFiles(classifier()), message, { labels });
    }
  });

  test("weights that are too short, a file that is missing, no JSON", async () => {
    const files = graphFiles(classifier());
    await refused({ ...files, "all.bin": new Uint8Array(7) }, /all\.bin: expected \d+ bytes, got 7/);
    const { "all.bin": _, ...without } = files;
    await refused(without, /all\.bin: expected a file, got none/);
    await refused({ "model.json": "<html>" }, /expected JSON, got "<html>"/);
  });

  test("several reasons at once", async () => {
    const model = classifier([-1, 8, -1, 3]);
    await refused(graphFiles(model), /cannot be imported:\n {2}input input: .*width unknown/);
  });

  test("a model that answers otherwise than the original", async () => {
    // What underflows in the original, and not when scales are multiplied first.
    const scalar = (name: string, value: number) => ({ ...floats(name, []), values: Float32Array.of(value) });
    const model: TinyModel = {
      nodes: [
        image(),
        node("c", "Conv2D", ["input", "w"]),
        node("s1", "Mul", ["c", "tiny"]),
        node("s2", "Mul", ["s1", "tiny"]),
        node("s3", "Mul", ["s2", "huge"]),
        node("s4", "Mul", ["s3", "huge"]),
        node("pool", "Max", ["s4", "axes"]),
      ],
      constants: [
        floats("w", [3, 3, 3, 4]),
        scalar("tiny", 1e-30),
        scalar("huge", 1e30),
        ints("axes", [1, 2]),
      ],
    };
    await refused(graphFiles(model), /expected scores within 0\.0001 of the original's, got \d/);
  });

  test("a model that is there already, unless it may be replaced; a failure leaves the old one", async () => {
    const { folder } = await importing(graphFiles(classifier()), { id: "twice" });
    const before = readFileSync(path.join(folder, "model.json"), "utf8");
    await refused(graphFiles(classifier()), `${folder}: expected a new folder, it is there already`, {
      id: "twice",
    });
    const forced = { id: "twice", isForced: true };
    await refused(graphFiles(classifier()), "expected 4 names", { ...forced, labels: ["a"] });
    expect(readFileSync(path.join(folder, "model.json"), "utf8")).toBe(before);
    await importing(graphFiles(classifier()), { ...forced, labels: ["w", "x", "y", "z"] });
    expect(readFileSync(path.join(folder, "model.json"), "utf8")).toContain('"w","x","y","z"');
    expect(left().filter((name) => name.startsWith("."))).toEqual([]);
  });
});

describe("layers-models", () => {
  const { layers } = tfl;
  const one = (result: unknown): tfl.SymbolicTensor => result as tfl.SymbolicTensor;

  function network(): tfl.LayersModel {
    const input = tfl.input({ shape: [12, 12, 3], name: "photo" });
    let x = one(layers.conv2d({ name: "c1", filters: 6, kernelSize: 3, useBias: false }).apply(input));
    x = one(layers.batchNormalization({ name: "n1" }).apply(x));
    x = one(layers.reLU({ name: "r1", maxValue: 6 }).apply(x));
    const skip = x;
    x = one(layers.separableConv2d({ name: "s1", filters: 6, kernelSize: 3, padding: "same" }).apply(x));
    x = one(layers.batchNormalization({ name: "n2" }).apply(x));
    x = one(layers.activation({ name: "r2", activation: "relu" }).apply(x));
    x = one(layers.add({ name: "sum" }).apply([x, skip]));
    const early = one(layers.globalAveragePooling2d({ name: "p1", dataFormat: "channelsLast" }).apply(x));
    const exit = one(layers.dense({ name: "early", units: 5, activation: "softmax" }).apply(early));
    x = one(layers.conv2d({ name: "c3", filters: 4, kernelSize: 3, activation: "tanh" }).apply(x));
    x = one(layers.dropout({ name: "drop", rate: 0.5 }).apply(layers.flatten({ name: "flat" }).apply(x)));
    x = one(layers.dense({ name: "last", units: 5 }).apply(x));
    return tfl.model({ inputs: input, outputs: [exit, x] });
  }

  test("one is converted, with normalisations and activations folded, and answers as it did", async () => {
    const files = await layersFiles(network());
    await expect(importing(files)).rejects.toThrow(
      "outputs: expected one, got early, last; name the classifiers' layers with --exits",
    );
    const { model, comparison, counts, folder } = await importing(files, { exits: ["last", "early"] });
    expect(comparison.maxDifference).toBeLessThan(1e-5);
    expect(model.metadata.exits.map(({ node }) => node)).toEqual(["early", "exit2/scores"]);
    expect(counts).toMatchObject({ kind: "layers", folded: 4, softened: 1 });
    expect(model.nodes.map(({ name, op }) => `${name} ${op}`)).toEqual([
      "photo Placeholder",
      "r1 _FusedConv2D",
      "s1/depthwise FusedDepthwiseConv2dNative",
      "r2 _FusedConv2D",
      "sum AddV2",
      "p1 Mean",
      "early/linear _FusedMatMul",
      "early Softmax",
      "c3/linear _FusedConv2D",
      "c3 Tanh",
      "flat Reshape",
      "last _FusedMatMul",
      "exit2/scores Softmax",
    ]);
    await expectEveryCut(folder);
  });

  test("a sequential one too", async () => {
    const model = tfl.sequential({
      layers: [
        layers.conv2d({ inputShape: [8, 8, 1], filters: 4, kernelSize: 3, activation: "elu" }),
        layers.maxPooling2d({ poolSize: 2 }),
        layers.flatten(),
        layers.dense({ units: 3, activation: "softmax" }),
      ],
    });
    const { model: made, folder } = await importing(await layersFiles(model));
    expect(made.metadata.input.channels).toBe(1);
    expect(made.metadata.exits[0]!.id).toBe("full");
    await expectEveryCut(folder);
  });

  test.each<[string, () => tfl.LayersModel, RegExp]>([
    [
      "a layer that cannot be converted",
      () => simple((x) => layers.upSampling2d({ name: "up" }).apply(x)),
      /layer up: expected one of .*Conv2D.*, got UpSampling2D/,
    ],
    [
      "a side that is not known",
      () => simple((x) => x, [null, 8, 3]),
      /input photo: expected known sides, got \[unknown, unknown, 8, 3\]: height unknown/,
    ],
  ])("%s is refused by name", async (_, make, message) => {
    await expect(importing(await layersFiles(make()))).rejects.toThrow(message);
  });

  test("a class of layer that TF.js does not know is refused by name", async () => {
    const files = await layersFiles(simple((x) => x));
    const json = (files["model.json"] as string).replace(
      '"class_name":"GlobalAveragePooling2D"',
      '"class_name":"Magic"',
    );
    await expect(importing({ ...files, "model.json": json })).rejects.toThrow(
      /expected one that TF\.js loads, it says: .*Magic/,
    );
  });

  function simple(
    middle: (x: tfl.SymbolicTensor) => unknown,
    shape: (number | null)[] = [8, 8, 3],
  ): tfl.LayersModel {
    const input = tfl.input({ shape, name: "photo" });
    const pool = layers.globalAveragePooling2d({ dataFormat: "channelsLast" });
    return tfl.model({
      inputs: input,
      outputs: one(layers.dense({ units: 3 }).apply(pool.apply(one(middle(input))))),
    });
  }
});

const FOREIGN = "/work/shared/data/tfjs-models";
const has = (name: string): boolean => existsSync(path.join(FOREIGN, name, "model.json"));
const foreign = (name: string, change: Partial<ImportJob>) =>
  importing({}, { place: path.join(FOREIGN, name), ...change });

const MOBILENET = "mobilenet_v2_100_224-imagenet-uint8";
test.skipIf(!has(MOBILENET))("MobileNetV2 with uint8 weights", { timeout: 400_000 }, async () => {
  const labels = await readLabels(path.join(FOREIGN, MOBILENET, "labels.txt"));
  const { model, comparison, folder } = await foreign(MOBILENET, { labels });
  expect(comparison).toEqual({ maxDifference: expect.any(Number), sameTop1: 1 });
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
    expect(await expectEveryCut(folder)).toBeGreaterThan(20);
  },
);

test.skipIf(!has("human-centernet-graph"))("an object detector is refused with its reasons", async () => {
  await expect(foreign("human-centernet-graph", {})).rejects.toThrow(
    /cannot be imported:\n {2}outputs: expected one, got tower_0\/wh, tower_0\/keypoints, tower_0\/detections.*\n {2}tower_0\/TopKV2 \(TopKV2\): has several outputs.*\n {2}tower_0\/Equal \(Equal\): /,
  );
});
