import { codedBytes, TENSOR_CODECS } from "#shared/codecs";
import "@tensorflow/tfjs-backend-cpu";
import { deflateSync } from "node:zlib";
import { memory, setBackend } from "@tensorflow/tfjs-core";
import { beforeAll, expect, test } from "vitest";
import { calibrated, elementCount, type ModelMetadata } from "#shared/model";
import { decodeTensor, encodeTensor } from "#shared/protocol";
import { randomFrom } from "#shared/random";
import type { SegmentModel } from "#shared/runtime";
import { miniPhotos } from "../data/fixture.ts";
import { openModelFolder } from "../files/model-folder.ts";
import { chooseQualities, neverRising } from "./choose-quality.ts";
import {
  besideReported,
  exitsBehind,
  type MeasuredCodecs,
  measureCodecs,
  QUALITIES,
  withReported,
} from "./codec-costs.ts";
import { cheaperSection, cheaperThanImage, codecsSection } from "./codec-section.ts";
import type { MeasuredCost } from "./tally.ts";

let segments: SegmentModel;
let measured: MeasuredCodecs;
const photos = miniPhotos(12, 32);
beforeAll(async () => {
  await setBackend("cpu");
  segments = await openModelFolder("models/tiny");
  const { numTensors } = memory();
  measured = await measureCodecs(segments, photos);
  expect(memory().numTensors).toBe(numTensors);
});

const find = (name: string, codec: string, deflate = false): MeasuredCost =>
  measured[name]!.find((cost) => cost.codec === codec && cost.deflate === deflate)!;

test("every tensor that crosses is measured under every codec; the image as JPEG and WebP of every quality too", () => {
  const { dag, metadata } = segments.model;
  const crossing = dag.names.filter((_, node) => dag.successors[node]!.length > 0);
  expect(Object.keys(measured)).toEqual(crossing);
  for (const name of crossing) {
    const elements = elementCount(metadata.tensors[name]!.shape);
    for (const codec of TENSOR_CODECS) {
      const cost = find(name, codec);
      expect(cost.bytes, `${name} ${codec}`).toBe(codedBytes(codec, elements));
      expect(Object.keys(cost.loss)).toEqual(exitsBehind(segments.model, name));
      expect(find(name, codec, true).loss).toEqual(cost.loss);
    }
    expect(Object.values(find(name, "float32").loss).every((loss) => loss === 0)).toBe(true);
  }
  for (const codec of ["jpeg", "webp"]) {
    const own = measured.image!.filter((cost) => cost.codec === codec && !cost.deflate);
    expect(own.map(({ quality }) => quality)).toEqual(QUALITIES);
    expect(own.at(-1)!.bytes).toBeGreaterThan(own[0]!.bytes);
  }
  expect(exitsBehind(segments.model, "block3/add")).toEqual(["exit3"]);
});

test("losses and deflated bytes are those of running the whole model with one tensor coded", async () => {
  const { model } = segments;
  const { metadata, dag } = model;
  const name = "block2/point";
  const exits = metadata.exits.filter(({ id }) => exitsBehind(model, name).includes(id));
  const right = { exact: [0, 0], coded: [0, 0] };
  const expected = [0, 0];
  let deflated = 0;
  for (let photo = 0; photo < photos.count; photo++) {
    const pixels = photos.pixels.subarray(photo * 3072, (photo + 1) * 3072);
    const values = Float32Array.from(pixels, (byte) => -1 + (2 * byte) / 255);
    const all = dag.names.slice(1);
    const tensors = await segments.runValues({ nodes: all, feeds: ["image"], outputs: all }, [
      { shape: [1, 32, 32, 3], values },
    ]);
    const tensorOf = (one: string) =>
      one === "image" ? { shape: [1, 32, 32, 3], values } : tensors[all.indexOf(one)]!;
    const { tensor: wire, parameters } = encodeTensor(
      name,
      tensorOf(name).shape,
      tensorOf(name).values,
      "uint4",
    );
    if (photo % 4 === 0) deflated += deflateSync(wire.data).byteLength;
    const spoiled = decodeTensor(wire, metadata.tensors[name]!, parameters);
    // Everything but what is before the tensor is computed anew.
    const feeds = ["block1/relu", name];
    const nodes = all
      .slice(all.indexOf("block1/relu") + 1)
      .filter((one) => one !== name && !one.startsWith("exit1"));
    for (const [at, { node }] of exits.entries()) {
      const [scores] = await segments.runValues({ nodes, feeds, outputs: [node] }, [
        tensorOf(feeds[0]!),
        spoiled,
      ]);
      if (top(scores!.values) === photos.labels[photo]) right.coded[at]! += 1;
      const said = calibrated(tensorOf(node).values, exits[at]!.temperature ?? 1);
      expected[at]! += Math.max(...said) - said[top(scores!.values)]!;
      if (top(tensorOf(node).values) === photos.labels[photo]) right.exact[at]! += 1;
    }
  }
  for (const [at, { id }] of exits.entries()) {
    const loss = (right.exact[at]! - right.coded[at]!) / photos.count;
    expect(find(name, "uint4").loss[id]).toBeCloseTo(loss, 6);
    expect(find(name, "uint4").expectedLoss[id]).toBeCloseTo(expected[at]! / photos.count, 5);
    expect(find(name, "uint4").expectedLoss[id]).toBeGreaterThanOrEqual(0);
  }
  expect(find(name, "uint4", true).bytes).toBe(Math.round(deflated / 3));
});

test("what was chosen is measured on other photos, and nothing else is: the choice stays what it was", async () => {
  const chosen: MeasuredCodecs = {
    ...measured,
    image: measured.image!.filter(({ quality = 60 }) => quality === 60),
  };
  const others = miniPhotos(10, 32);
  const both = await withReported(segments, others, chosen);
  const alone = await measureCodecs(segments, others);
  for (const [name, costs] of Object.entries(both)) {
    expect(costs.map(({ reported: _, ...rest }) => rest)).toEqual(chosen[name]);
    for (const { codec, quality, deflate, reported } of costs) {
      const same = alone[name]!.find(
        (one) => one.codec === codec && one.quality === quality && one.deflate === deflate,
      );
      expect(reported).toEqual(codec === "float32" ? undefined : same!.loss);
    }
  }
});

test("a codec that cannot hold the photos to report on is left out", () => {
  const [one, other] = [cost("uint8", null, 3072, 0.001), cost("uint4", null, 1536, 0.002)];
  const there = { ...one, loss: { exit1: 0, exit3: 0.004 } };
  expect(besideReported({ image: [one, other] }, { image: [there] })).toEqual({
    image: [{ ...one, reported: { exit1: 0, exit3: 0.004 } }],
  });
});

const halvesOf = { chosenOn: 12, reportedOn: 8 };

const cost = (
  codec: "jpeg" | "webp" | "uint8" | "uint4",
  quality: number | null,
  bytes: number,
  loss: number,
): MeasuredCost => ({
  codec,
  ...(quality === null ? {} : { quality }),
  deflate: false,
  spread: 0,
  bytes,
  loss: { exit1: 0, exit3: loss },
  expectedLoss: { exit1: 0, exit3: loss },
});

test("more quality is taken to lose no more: neighbours that rise are pooled", () => {
  expect(neverRising([3, 2, 1])).toEqual([3, 2, 1]);
  expect(neverRising([3, 1, 2, 0])).toEqual([3, 1.5, 1.5, 0]);
  expect(neverRising([1, 2, 6])).toEqual([3, 3, 3]);
  for (let seed = 0; seed < 200; seed++) {
    const random = randomFrom(seed);
    const values = Array.from({ length: 1 + Math.floor(12 * random()) }, () => random());
    const fitted = neverRising(values);
    const distance = (other: readonly number[]) =>
      other.reduce((sum, v, at) => sum + (v - values[at]!) ** 2, 0);
    fitted.forEach((value, at) => {
      if (at > 0) expect(value).toBeLessThanOrEqual(fitted[at - 1]!);
    });
    // No other never rising values come closer.
    const other = fitted.map(() => random()).toSorted((a, b) => b - a);
    for (const share of [1, 0.1, 0.001]) {
      const mixed = fitted.map((value, at) => value + share * (other[at]! - value));
      expect(distance(mixed)).toBeGreaterThanOrEqual(distance(fitted) - 1e-12);
    }
  }
});

test("of qualities those are kept that are the lowest at which some exit loses less than is tolerated", () => {
  const tried = [
    cost("jpeg", 20, 100, 0.001),
    cost("jpeg", 25, 110, 0.011),
    cost("jpeg", 30, 120, 0.003),
    cost("jpeg", 35, 130, 0.005),
    cost("webp", 20, 90, 0.02),
    cost("webp", 25, 95, 0.006),
    cost("uint8", null, 3072, 0.9),
  ];
  const { image } = chooseQualities({ image: tried });
  // Quality 20 of JPEG is the first exit's; the last one's is 30, of which 20 was but lucky. No WebP is good enough.
  expect(image!.map(({ codec, quality, loss }) => [codec, quality, loss.exit3])).toEqual([
    ["uint8", undefined, 0.9],
    ["jpeg", 20, 0.006],
    ["jpeg", 30, 0.004],
    ["webp", 20, 0.02],
  ]);
});

test("the card names the cuts in the first half of the work that take fewer bytes than the image, or that none does", () => {
  const { model } = segments;
  const image = [cost("jpeg", 60, 900, 0.001)];
  const early = (bytes: number, loss: number): MeasuredCodecs => ({
    ...measured,
    image,
    "stem/conv": [cost("uint8", null, 8192, 0)],
    "stem/pool": [cost("uint8", null, 2048, 0), cost("uint4", null, bytes, loss)],
  });
  expect(cheaperThanImage(model, early(800, 0.002))).toBe(
    "Before the middle of the MMACs these cuts need fewer bytes than the image as jpeg 60 (900 bytes), both within 0.5 points of top-1: stem/pool (uint4, 800).",
  );
  for (const [bytes, loss] of [
    [901, 0],
    [800, 0.006],
  ] as const) {
    expect(cheaperThanImage(model, early(bytes, loss))).toMatch(
      /^No cut before the middle of the MMACs needs fewer/,
    );
  }
  expect(cheaperThanImage(model, { ...early(800, 0.002), image: [cost("jpeg", 60, 900, 0.01)] })).toBe(
    "No quality of JPEG keeps exit3 within 0.5 points of top-1. Before the middle of the MMACs these cuts need fewer bytes than the image as jpeg 60 (900 bytes), and keep it within 0.5 points of top-1: stem/pool (uint4, 800).",
  );
  expect(cheaperThanImage(model, { image: [cost("uint8", null, 3072, 0)] })).toBe(
    "No quality of JPEG keeps exit3 within 0.5 points of top-1.",
  );
  const section = codecsSection(model, measured, halvesOf);
  for (const name of ["stem/pool", "block2/wide *", "exit3/pool"]) expect(section).toContain(`| ${name} |`);
  expect(section).not.toContain("| exit1/pool");
  const both = codecsSection(
    model,
    { ...measured, image: [{ ...image[0]!, reported: { exit1: 0, exit3: 0.002 } }] },
    halvesOf,
  );
  expect(both).toContain("| jpeg 60 | 900 | - | 0.1 | 0.2 |");
});

test("what was fitted is told as the metadata has it, beside what is cheaper than the image", () => {
  const { model } = segments;
  const image = [cost("jpeg", 60, 900, 0.001)];
  const sectionOf = (metadata: Partial<ModelMetadata>) =>
    cheaperSection({ ...model, metadata: { ...model.metadata, ...metadata } });
  expect(sectionOf({ codecs: { image } })).toMatch(/^No cut before the middle/);
  const rate = { step: 1, bytes: 700, spread: 5, loss: { exit1: 0, exit3: 0.001 } };
  const fitted = { codec: "linear", shard: "codec.bin", block: 1, components: 3, rates: [rate] } as const;
  const withFitted = sectionOf({ codecs: { image }, fitted: { "stem/pool": fitted } });
  expect(withFitted).toContain("| stem/pool | linear 1 | 700 ± 5 | 0.1 | 0.1 |");
  expect(withFitted).toContain("](codec-rates.svg)");
  expect(withFitted).toContain("both within 0.5 points of top-1: stem/pool (linear 1, 700).");
  // Of JPEG nothing is known there.
  expect(sectionOf({ fitted: { "stem/pool": fitted } })).not.toContain("JPEG");
});

const top = (scores: Float32Array): number => scores.indexOf(Math.max(...scores));
