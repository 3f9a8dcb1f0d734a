import * as tfl from "@tensorflow/tfjs-layers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openBackend } from "../engine/backend.ts";
import { layersFiles, type ModelFiles, quantised, type TinyJson } from "./fixture.ts";
import { everyCut, openWorkshop, type Workshop } from "./import-fixture.ts";

let workshop: Workshop;
beforeAll(async () => {
  await openBackend("wasm");
  workshop = await openWorkshop();
});
afterAll(() => workshop.remove());

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
  await expect(workshop.importing(files)).rejects.toThrow(
    "outputs: expected one, got early, last; name the scores' layers with --exits",
  );
  const { model, comparison, counts, folder } = await workshop.importing(files, {
    exits: ["last", "early"],
    output: "logits",
  });
  expect(comparison.maxDifference).toBeLessThan(1e-5);
  expect(model.metadata.exits.map(({ node }) => node)).toEqual(["early", "last"]);
  expect(counts).toMatchObject({ kind: "layers", folded: 6 });
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
  ]);
  expect((await everyCut(folder)).worst).toBeLessThan(1e-5);
});

test("quantised weights stay quantised, normalised ones too", async () => {
  const files = await layersFiles(network());
  const { model, comparison, folder } = await workshop.importing(quantisedFiles(files), {
    exits: ["last", "early"],
    output: "logits",
  });
  expect(comparison.maxDifference).toBeLessThan(1e-5);
  const specs = model.shards.flatMap(({ weights }) => weights);
  const isLarge = ({ shape }: { readonly shape: readonly number[] }): boolean => shape.length > 1;
  const large = specs.filter((spec) => isLarge(spec) && spec.dtype === "float32");
  expect(large.map(({ quantization }) => quantization?.dtype)).toEqual(new Array(6).fill("uint8"));
  expect((await everyCut(folder)).worst).toBeLessThan(1e-5);
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
  const { model: made, folder } = await workshop.importing(await layersFiles(model));
  expect(made.metadata.input.channels).toBe(1);
  expect(made.metadata.exits[0]!.id).toBe("full");
  expect((await everyCut(folder)).worst).toBeLessThan(1e-5);
});

test.each<[string, () => tfl.LayersModel, RegExp]>([
  [
    "a layer that cannot be converted",
    () => simple((x) => layers.upSampling2d({ name: "up" }).apply(x)),
    /layer up \(UpSampling2D\): layers of this class cannot be converted\n {2}layers that can be converted: .*Conv2D/,
  ],
  [
    "a side that is not known",
    () => simple((x) => x, [null, 8, 3]),
    /input photo: expected known sides, got \[unknown, unknown, 8, 3\]: height unknown/,
  ],
])("%s is refused by name", async (_, make, message) => {
  await expect(workshop.importing(await layersFiles(make()))).rejects.toThrow(message);
});

test("a class of layer that TF.js does not know is refused by name", async () => {
  const files = await layersFiles(simple((x) => x));
  const json = (files["model.json"] as string).replace(
    '"class_name":"GlobalAveragePooling2D"',
    '"class_name":"Magic"',
  );
  await expect(workshop.importing({ ...files, "model.json": json })).rejects.toThrow(
    /layer global_average.* \(Magic\): layers of this class cannot be converted/,
  );
});

/** As the converter writes it with `--quantize_uint8`. */
function quantisedFiles(files: ModelFiles): ModelFiles {
  const json = JSON.parse(files["model.json"] as string) as TinyJson;
  const bytes = files["weights.bin"] as Uint8Array;
  let at = 0;
  const parts = json.weightsManifest[0]!.weights.map((entry) => {
    const { name, shape } = entry;
    const size = shape.reduce((product, side) => product * side, 1);
    const values = new Float32Array(bytes.slice(at, at + 4 * size).buffer);
    at += 4 * size;
    const { stored } = quantised({ name, dtype: "float32", shape, values });
    const isFlat = stored!.quantization.scale === 0;
    if (!isFlat) Object.assign(entry, { quantization: stored!.quantization });
    return isFlat ? new Uint8Array(values.buffer) : stored!.bytes;
  });
  return { "model.json": JSON.stringify(json), "weights.bin": new Uint8Array(Buffer.concat(parts)) };
}

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
