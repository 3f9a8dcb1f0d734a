import { readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { luma } from "#shared/model";
import { miniPhotos } from "../data/fixture.ts";
import { exitScores, probabilityRows } from "../evaluate/exit-scores.ts";
import { openModelFolder } from "../files/model-folder.ts";
import {
  classifier,
  floats,
  graphFiles,
  image,
  ints,
  type ModelFiles,
  node,
  quantised,
  type TinyModel,
} from "./fixture.ts";
import { everyCut, openWorkshop, type Workshop } from "./import-fixture.ts";
import type { ImportJob } from "./import-model.ts";

let workshop: Workshop;
beforeAll(async () => {
  workshop = await openWorkshop();
});
afterAll(() => workshop.remove());

test("a classifier is folded, ends as it ended, answers as it did, at every cut", async () => {
  const files = { ...graphFiles(classifier()), LICENSE: "MIT License" };
  const { model, comparison, counts, folder } = await workshop.importing(files, {
    labels: ["a", "b", "c", "d"],
  });
  expect(comparison.maxDifference).toBeLessThan(1e-5);
  expect(comparison.sameTop1).toBe(1);
  expect(counts).toEqual({ kind: "graph", total: 23, idle: 2, computed: 0, folded: 4 });
  expect(model.nodes.map(({ name, op }) => `${name} ${op}`)).toEqual([
    "input Placeholder",
    "a/relu _FusedConv2D",
    "b/bias _FusedConv2D",
    "sum AddV2",
    "sum/relu Relu",
    "pool Mean",
    "logits _FusedMatMul",
  ]);
  expect(model.metadata).toMatchObject({
    input: { node: "input", height: 8, width: 8, range: [-1, 1] },
    labels: ["a", "b", "c", "d"],
    exits: [{ id: "full", node: "logits", output: "logits", accuracy: null }],
  });
  const [low, high] = model.metadata.tensors["a/relu"]!.range;
  expect([low, high > 0 && high <= 6]).toEqual([0, true]);
  const { cuts, worst } = await everyCut(folder);
  expect(cuts).toBeGreaterThan(6);
  expect(worst).toBeLessThan(1e-5);
  const card = readFileSync(path.join(folder, "card.md"), "utf8");
  for (const said of [
    "[LICENSE](LICENSE)",
    "4 classes as logits.",
    "128 images of noise",
    "64 images of noise",
    "RGB",
  ]) {
    expect(card).toContain(said);
  }
  expect(readFileSync(path.join(folder, "LICENSE"), "utf8")).toBe("MIT License");
});

test("grey input, a batch of one, classes without names", async () => {
  const { model, folder, comparison } = await workshop.importing(graphFiles(classifier([1, 8, 6, 1])), {
    output: "logits",
    range: [0, 255],
  });
  expect(comparison.maxDifference).toBeLessThan(1e-5);
  expect(model.metadata.input).toEqual({ node: "input", height: 8, width: 6, channels: 1, range: [0, 255] });
  expect(model.metadata.labels).toEqual(["class 0", "class 1", "class 2", "class 3"]);
  expect((await everyCut(folder)).worst).toBeLessThan(1e-5);
});

test("lab evaluate shows a grey model what the page does", async () => {
  const { folder } = await workshop.importing(graphFiles(classifier([-1, 8, 8, 1])), { output: "logits" });
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
  const [given] = await segments.runValues(every, [{ shape: [3, 8, 8, 1], values: grey }]);
  const expected = probabilityRows(given!.values, metadata.exits[0]!, 4);
  expect(Math.max(...scores[0]!.map((value, at) => Math.abs(value - expected[at]!)))).toBeLessThan(1e-5);
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
  const { model: made, folder } = await workshop.importing(graphFiles(early), {
    exits: ["Identity", "early/soft"],
    output: "logits",
  });
  expect(made.metadata.exits.map(({ id, node, output }) => [id, node, output])).toEqual([
    ["exit1", "early/soft", "softmax"],
    ["exit2", "logits", "logits"],
  ]);
  expect((await everyCut(folder)).worst).toBeLessThan(1e-5);
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
  const { model: made, folder } = await workshop.importing(graphFiles(model), { output: "logits" });
  expect(made.shards.length).toBe(3);
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
  // Scaled or not, they stay as they were.
  expect(find("w0")).toMatchObject({ dtype: "float32", quantization: wide[0]!.stored!.quantization });
  expect(new Uint8Array(find("w0")!.bytes)).toEqual(wide[0]!.stored!.bytes);
  expect(new Uint8Array(find("w1")!.bytes)).toEqual(wide[1]!.stored!.bytes);
  expect((await everyCut(folder)).worst).toBeLessThan(1e-5);
});

describe("what cannot be imported leaves nothing behind", () => {
  async function refused(
    files: ModelFiles,
    message: string | RegExp,
    change: Partial<ImportJob> = {},
  ): Promise<void> {
    const before = workshop.left();
    await expect(workshop.importing(files, change)).rejects.toThrow(message);
    expect(workshop.left()).toEqual(before);
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
    await refused(graphFiles(model), /expected scores within [\d.]+ of the original's, got \d/, {
      output: "vector",
    });
  });

  test("a model that is there already, unless it may be replaced; a failure leaves the old one", async () => {
    const { folder } = await workshop.importing(graphFiles(classifier()), { id: "twice", output: "logits" });
    const before = readFileSync(path.join(folder, "model.json"), "utf8");
    await refused(graphFiles(classifier()), `${folder}: expected a new folder, it is there already`, {
      id: "twice",
    });
    const forced = { id: "twice", output: "logits", isForced: true } as const;
    await refused(graphFiles(classifier()), "expected 4 names", { ...forced, labels: ["a"] });
    expect(readFileSync(path.join(folder, "model.json"), "utf8")).toBe(before);
    await workshop.importing(graphFiles(classifier()), { ...forced, labels: ["w", "x", "y", "z"] });
    expect(readFileSync(path.join(folder, "model.json"), "utf8")).toContain('"w","x","y","z"');
    expect(workshop.left().filter((name) => name.startsWith("."))).toEqual([]);
  });
});
