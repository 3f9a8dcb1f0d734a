import "@tensorflow/tfjs-backend-cpu";
import { deflateSync } from "node:zlib";
import { memory, setBackend } from "@tensorflow/tfjs-core";
import { beforeAll, expect, test } from "vitest";
import { TOLERANCE } from "#shared/evaluator";
import { type CodecCost, codedBytes, elementCount, TENSOR_CODECS } from "#shared/model";
import { decodeTensor, encodeTensor } from "#shared/protocol";
import type { SegmentModel } from "#shared/runtime";
import { miniPhotos } from "../data/fixture.ts";
import { openModelFolder } from "../model-folder.ts";
import { chooseQualities } from "./choose-quality.ts";
import { exitsBehind, type MeasuredCodecs, measureCodecs, QUALITIES } from "./codec-costs.ts";
import { cheaperThanImage, codecsSection } from "./codec-section.ts";

let segments: SegmentModel;
let measured: MeasuredCodecs;
const photos = miniPhotos(12, 32);
beforeAll(async () => {
  await setBackend("cpu");
  segments = await openModelFolder("models/tiny");
  const { numTensors } = memory();
  measured = await measureCodecs(segments, photos);
  expect(memory().numTensors).toBe(numTensors);
}, 120_000);

const find = (name: string, codec: string, deflate = false): CodecCost =>
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
      if (top(tensorOf(node).values) === photos.labels[photo]) right.exact[at]! += 1;
    }
  }
  for (const [at, { id }] of exits.entries()) {
    const loss = (right.exact[at]! - right.coded[at]!) / photos.count;
    expect(find(name, "uint4").loss[id]).toBeCloseTo(loss, 6);
  }
  expect(find(name, "uint4", true).bytes).toBe(Math.round(deflated / 3));
});

const cost = (
  codec: "jpeg" | "webp" | "uint8" | "uint4",
  quality: number | null,
  bytes: number,
  loss: number,
): CodecCost => ({
  codec,
  ...(quality === null ? {} : { quality }),
  deflate: false,
  bytes,
  loss: { exit1: 0, exit3: loss },
});

test("of qualities those are kept from which on upwards an exit loses less than is tolerated", () => {
  const tried = [
    cost("jpeg", 20, 100, 0.001),
    cost("jpeg", 25, 110, TOLERANCE),
    cost("jpeg", 30, 120, 0.004),
    cost("jpeg", 35, 130, -0.001),
    cost("webp", 20, 90, 0.02),
    cost("webp", 25, 95, 0.006),
    cost("uint8", null, 3072, 0.9),
  ];
  const { image } = chooseQualities({ image: tried });
  // Quality 20 of JPEG is the first exit's, 30 the last one's; no quality of WebP is good enough for that.
  expect(image!.map(({ codec, quality }) => `${codec} ${quality}`)).toEqual([
    "jpeg 20",
    "jpeg 30",
    "webp 20",
    "uint8 undefined",
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
  expect(cheaperThanImage(model, { image: [cost("jpeg", 60, 900, 0.01)] })).toMatch(
    /^No quality of JPEG keeps exit3/,
  );
  const section = codecsSection(model, measured, photos.count);
  for (const name of ["stem/pool", "block2/wide *", "exit3/pool"]) expect(section).toContain(`| ${name} |`);
  expect(section).not.toContain("| exit1/pool");
});

const top = (scores: Float32Array): number => scores.indexOf(Math.max(...scores));
