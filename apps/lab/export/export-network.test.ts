import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { GraphModel, LayersModel, SymbolicTensor, Tensor } from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Model, readModel, shardsFor } from "#shared/model";
import { temporaryFolder } from "../data/fixture.ts";
import { IMAGENETTE_LABELS } from "../data/imagenette.ts";
import { findNativeTf, type Tf } from "../engine/native.ts";
import { buildNetwork, findArchitecture, type Network } from "../train/architectures/index.ts";
import type { Comparison } from "./compare.ts";
import { exportNetwork } from "./export-network.ts";
import type { WeightsFormat } from "./shards.ts";
import { noiseBatches, randomiseNorms } from "./untrained.ts";
import { walk } from "./walk.ts";

const native = findNativeTf();

describe.skipIf(!native)("export (needs @tensorflow/tfjs-node)", () => {
  const tf = native as Tf;
  let scratch: Awaited<ReturnType<typeof temporaryFolder>>;
  beforeAll(async () => {
    scratch = await temporaryFolder();
  });
  afterAll(() => scratch.remove());

  interface Exported {
    readonly model: Model;
    readonly graph: GraphModel;
    readonly comparison: Comparison;
    readonly folder: string;
  }

  async function exported(network: Network, size: number, weights: WeightsFormat): Promise<Exported> {
    const folder = path.join(scratch.folder, `${network.architecture.id}-${weights}`);
    randomiseNorms(tf, network, 3);
    const [check] = noiseBatches(tf, size, 64, 1, 9);
    const comparison = await exportNetwork(tf, {
      network,
      labels: IMAGENETTE_LABELS,
      weights,
      folder,
      calibration: () => noiseBatches(tf, size, 16, 2, 4),
      check: check as NonNullable<typeof check>,
    });
    const file = path.join(folder, "model.json");
    const graph = await tf.loadGraphModel(pathToFileURL(file).href);
    return { model: readModel(await readFile(file)), graph, comparison, folder };
  }
  const tiny = (): Network => buildNetwork(tf, findArchitecture("tiny"), 1, 32);

  test("the float32 export answers as the network does, on 64 images", async () => {
    const { comparison, model } = await exported(tiny(), 32, "float32");
    expect(comparison.maxDifference).toBeLessThan(1e-5);
    expect(comparison.sameTop1).toBe(1);
    expect(model.metadata.exits.map(({ node }) => node)).toEqual([
      "exit1/scores",
      "exit2/scores",
      "exit3/scores",
    ]);
    expect(model.nodes.map(({ op }) => op)).not.toContain("FusedBatchNormV3");
    expect(model.metadata.tensors.image?.range).toEqual([-1, 1]);
  });

  test("the float16 export is half as large and nearly the same", async () => {
    const whole = await exported(tiny(), 32, "float32");
    const half = await exported(tiny(), 32, "float16");
    const bytes = ({ model }: Exported): number => model.shards.reduce((sum, shard) => sum + shard.bytes, 0);
    expect(bytes(half)).toBeLessThan(0.55 * bytes(whole));
    expect(half.comparison.maxDifference).toBeGreaterThan(0);
    expect(half.comparison.maxDifference).toBeLessThan(0.01);
  });

  test("tensors from inside the graph continue it exactly, and stay in their calibrated range", async () => {
    const { graph, model } = await exported(tiny(), 32, "float32");
    const [image] = noiseBatches(tf, 32, 16, 1, 4);
    const feed = { "image:0": image as Tensor };
    const cut = ["block1/relu:0", "block2/wide:0"];
    const crossing = graph.execute(feed, cut) as Tensor[];
    const tail = graph.execute(
      { "block1/relu:0": crossing[0], "block2/wide:0": crossing[1] } as never,
      "exit3/scores:0",
    );
    const whole = graph.execute(feed, "exit3/scores:0");
    expect(
      (tail as Tensor)
        .sub(whole as Tensor)
        .abs()
        .max()
        .dataSync()[0],
    ).toBe(0);
    for (const { name, tensor } of model.nodes.slice(1)) {
      const values = graph.execute(feed, `${name}:0`) as Tensor;
      expect(values.shape).toEqual([16, ...tensor.shape]);
      expect(values.min().dataSync()[0], name).toBeGreaterThanOrEqual(tensor.range[0] - 1e-6);
      expect(values.max().dataSync()[0], name).toBeLessThanOrEqual(tensor.range[1] + 1e-6);
    }
  });

  test("a shard belongs to one exit's branch or to the trunk, and its file has the stated hash", async () => {
    const network = buildNetwork(tf, findArchitecture("resnet-imagenette"), 1, 32);
    const { model, folder } = await exported(network, 32, "float16");
    expect(model.shards.length).toBeGreaterThan(12);
    for (const shard of model.shards) {
      const branches = new Set(shard.weights.map(({ name }) => /^exit\d/.exec(name)?.[0] ?? "trunk"));
      branches.delete("exit4");
      expect([...branches].length, shard.path).toBeLessThanOrEqual(1);
      const bytes = await readFile(path.join(folder, shard.path));
      expect(bytes.length).toBe(shard.bytes);
      expect(createHash("sha256").update(bytes).digest("hex")).toBe(shard.sha256);
    }
    const before = model.nodes.findIndex(({ name }) => name === "stage2/block1/add");
    const trunk = model.nodes.slice(0, before).filter(({ name }) => !name.startsWith("exit"));
    const paths = shardsFor(
      model,
      trunk.map(({ name }) => name),
    ).map((shard) => shard.path);
    const bytesOf = (shards: typeof model.shards) => shards.reduce((sum, { bytes }) => sum + bytes, 0);
    const needed = bytesOf(model.shards.filter((shard) => paths.includes(shard.path)));
    expect(needed).toBeLessThan(0.05 * bytesOf(model.shards));
  });

  /** A network of one exit around whatever layers a test wants to see exported. */
  function around(id: string, layers: (image: SymbolicTensor) => unknown): Network {
    const image = tf.input({ shape: [16, 16, 3], name: "image" });
    const model: LayersModel = tf.model({ inputs: image, outputs: layers(image) as SymbolicTensor });
    return {
      architecture: { ...findArchitecture("tiny"), id },
      model,
      answers: model,
      exitIds: ["exit1"],
      norms: { momentum: 0.9 },
      detours: { take: null },
    };
  }

  test("layers of other architectures are exported too", async () => {
    const { layers } = tf;
    const network = around("kinds", (image) => {
      let x = layers
        .conv2d({ name: "a", filters: 6, kernelSize: 3, padding: "valid", activation: "relu" })
        .apply(image);
      x = layers
        .depthwiseConv2d({ name: "b", kernelSize: 3, strides: 2, padding: "same", useBias: false })
        .apply(x);
      x = layers.batchNormalization({ name: "b/norm", scale: false }).apply(x);
      x = layers.reLU({ name: "b/relu6", maxValue: 6 }).apply(x);
      const y = layers.averagePooling2d({ name: "pool", poolSize: 3, strides: 1, padding: "same" }).apply(x);
      x = layers.concatenate({ name: "both" }).apply([x, y] as SymbolicTensor[]);
      x = layers.dropout({ name: "drop", rate: 0.5 }).apply(layers.flatten({ name: "flat" }).apply(x));
      x = layers.dense({ name: "hidden", units: 8, activation: "relu" }).apply(x);
      return layers.dense({ name: "exit1/logits", units: 10 }).apply(x);
    });
    const { model, comparison } = await exported(network, 16, "float32");
    expect(comparison.maxDifference).toBeLessThan(1e-5);
    expect(model.nodes.map(({ name, op }) => `${name} ${op}`)).toEqual([
      "image Placeholder",
      "a _FusedConv2D",
      "b FusedDepthwiseConv2dNative",
      "b/relu6 Relu6",
      "pool AvgPool",
      "both ConcatV2",
      "flat Reshape",
      "hidden _FusedMatMul",
      "exit1/logits _FusedMatMul",
      "exit1/scores Softmax",
    ]);
  });

  test("a linear layer that others read too keeps its normalisation apart", async () => {
    const network = around("shared", (image) => {
      const conv = tf.layers.conv2d({ name: "a", filters: 4, kernelSize: 16 }).apply(image) as SymbolicTensor;
      const norm = tf.layers.batchNormalization({ name: "norm" }).apply(conv) as SymbolicTensor;
      const sum = tf.layers.add({ name: "sum" }).apply([conv, norm, conv]);
      return tf.layers
        .dense({ name: "exit1/logits", units: 10 })
        .apply(tf.layers.flatten({ name: "flat" }).apply(sum) as SymbolicTensor);
    });
    const { model, comparison } = await exported(network, 16, "float32");
    expect(comparison.maxDifference).toBeLessThan(1e-5);
    expect(model.nodes.map(({ name, op }) => `${name} ${op}`).slice(2, 6)).toEqual([
      "norm/scaled Mul",
      "norm AddV2",
      "sum/1 AddV2",
      "sum AddV2",
    ]);
  });

  test("activations that no node fuses follow it, separable convolutions are two nodes", async () => {
    const { layers } = tf;
    const network = around("bends", (image) => {
      let x = layers.rescaling({ name: "scaled", scale: 0.5, offset: 0.1 }).apply(image) as SymbolicTensor;
      x = layers
        .zeroPadding2d({
          name: "padded",
          padding: [
            [0, 1],
            [2, 0],
          ],
        })
        .apply(x) as SymbolicTensor;
      x = layers
        .separableConv2d({ name: "sep", filters: 6, kernelSize: 3, strides: 2, depthMultiplier: 2 })
        .apply(x) as SymbolicTensor;
      x = layers.batchNormalization({ name: "norm" }).apply(x) as SymbolicTensor;
      for (const activation of ["elu", "selu", "sigmoid", "softplus", "tanh", "swish", "hardSigmoid"]) {
        const bent = layers.conv2d({
          name: activation,
          filters: 6,
          kernelSize: 1,
          activation: activation as "elu",
        });
        x = bent.apply(x) as SymbolicTensor;
      }
      x = layers.leakyReLU({ name: "leaky", alpha: 0.2 }).apply(x) as SymbolicTensor;
      const rows = layers.reshape({ name: "rows", targetShape: [8, 8, 3, 2] }).apply(x) as SymbolicTensor;
      const back = layers.reshape({ name: "back", targetShape: [8, 8, 6] }).apply(rows) as SymbolicTensor;
      x = layers.multiply({ name: "both" }).apply([x, back]) as SymbolicTensor;
      x = layers.activation({ name: "nothing", activation: "linear" }).apply(x) as SymbolicTensor;
      const top = layers.globalMaxPooling2d({ name: "top", dataFormat: "channelsLast" }).apply(x);
      return layers.dense({ name: "exit1/logits", units: 10 }).apply(top as SymbolicTensor);
    });
    const { model, comparison } = await exported(network, 16, "float32");
    expect(comparison.maxDifference).toBeLessThan(1e-5);
    const names = model.nodes.map(({ name, op }) => `${name} ${op}`);
    expect(names).toEqual(
      expect.arrayContaining(["sep/depthwise FusedDepthwiseConv2dNative", "sep _FusedConv2D", "swish Mul"]),
    );
    expect(names.filter((name) => name.startsWith("nothing"))).toEqual([]);
  });

  test("an unknown layer or activation is named", () => {
    const up = around("up", (image) => tf.layers.upSampling2d({ name: "upper" }).apply(image));
    expect(() => walk(up)).toThrow(/layer upper: expected one of .*Conv2D.*, got UpSampling2D/);
    const mish = around("mish", (image) =>
      tf.layers.activation({ name: "bend", activation: "mish" }).apply(image),
    );
    expect(() => walk(mish)).toThrow(/layer bend: expected activation .*relu6.*, got mish/);
    const first = around("first", (image) =>
      tf.layers.conv2d({ name: "c", filters: 4, kernelSize: 3, dataFormat: "channelsFirst" }).apply(image),
    );
    expect(() => walk(first)).toThrow(/layer c: expected channelsLast, got channelsFirst/);
  });
});
