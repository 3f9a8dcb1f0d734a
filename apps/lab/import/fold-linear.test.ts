import { type Tensor4D, tensor4d } from "@tensorflow/tfjs-core";
import { beforeAll, expect, test } from "vitest";
import { toFloat16 } from "#shared/codecs";
import { openBackend } from "../engine/backend.ts";
import type { Constant } from "../graph-model/node-def.ts";
import { textsOf } from "./attributes.ts";
import { floats, foreignGraph, image, ints, node, positives, quantised, type TinyModel } from "./fixture.ts";
import { type Folded, foldLinear } from "./fold-linear.ts";
import { type ForeignGraph, pruned } from "./graph.ts";
import { runAll } from "./run-graph.ts";

let images: Tensor4D;
beforeAll(async () => {
  await openBackend("wasm");
  images = tensor4d(floats("images", [2 * 192]).values, [2, 8, 8, 3]);
});

const graphOf = (nodes: TinyModel["nodes"], constants: TinyModel["constants"], ...exits: string[]) =>
  pruned(foreignGraph({ nodes: [image(), ...nodes], constants }, ...exits));

/** Folds, and expects every exit to give what it gave. */
function fold(graph: ForeignGraph): Folded {
  const before = runAll(graph, images);
  const folded = foldLinear(graph, new Map([...before].map(([name, { shape }]) => [name, shape.slice(1)])));
  const after = runAll(folded.graph, images);
  expect(folded.graph.nodes.length).toBe(graph.nodes.length - folded.folded);
  for (const { node } of graph.exits) {
    const [was, is] = [before.get(node)!, after.get(node)!];
    expect(is.shape).toEqual(was.shape);
    const worst = Math.max(...was.values.map((value, at) => Math.abs(value - is.values[at]!)));
    expect(worst).toBeLessThan(1e-5);
  }
  return folded;
}

const kernel = floats("w", [3, 3, 3, 4]);
const wide = floats("w", [3, 3, 3, 2]);
const norms = (channels: number): Constant[] => [
  positives("gamma", [channels]),
  floats("beta", [channels]),
  floats("mean", [channels]),
  positives("variance", [channels]),
];

test.each(["FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"])(
  "%s goes into a convolution, Relu too",
  (op) => {
    const nodes = [
      node("c", "Conv2D", ["input", "w"]),
      node("n", op, ["c", "gamma", "beta", "mean", "variance"]),
      node("exit", "Relu", ["n"]),
    ];
    const { graph, folded } = fold(graphOf(nodes, [kernel, ...norms(4)], "exit"));
    expect(folded).toBe(2);
    const [, written] = graph.nodes;
    expect([written!.name, written!.op]).toEqual(["exit", "_FusedConv2D"]);
    expect(textsOf(written!.attr, "fused_ops")).toEqual(["BiasAdd", "Relu"]);
    expect(written!.inputs).toEqual(["input", "exit/kernel", "exit/bias"]);
    expect([...graph.constants.keys()].sort()).toEqual(["exit/bias", "exit/kernel"]);
  },
);

test("a chain of scales and shifts goes into one node, whichever side its constants stand on", () => {
  const chain: [string, string[]][] = [
    ["BiasAdd", ["@", "k1"]],
    ["Mul", ["k2", "@"]],
    ["Add", ["k3", "@"]],
    ["Sub", ["@", "k4"]],
    ["Sub", ["k5", "@"]],
    ["RealDiv", ["@", "k6"]],
    ["AddV2", ["@", "k7"]],
    ["Mul", ["@", "k8"]],
  ];
  for (const [op, weights] of [
    ["Conv2D", kernel],
    ["DepthwiseConv2dNative", wide],
  ] as const) {
    const channels = op === "Conv2D" ? 4 : 6;
    const constants = chain.map((_, at) =>
      at === 6 ? positives("k7", []) : positives(`k${at + 1}`, at === 7 ? [1, 1, 1, channels] : [channels]),
    );
    const nodes = chain.map(([name, input], at) =>
      node(
        at === 7 ? "last" : `n${at}`,
        name,
        input.map((one) => (one === "@" ? (at === 0 ? "c" : `n${at - 1}`) : one)),
      ),
    );
    const all = [node("c", op, ["input", "w"]), ...nodes, node("exit", "Relu6", ["last"])];
    const { graph, folded } = fold(graphOf(all, [weights, ...constants], "exit"));
    expect(folded).toBe(9);
    expect(graph.nodes.map((one) => one.op)).toEqual([
      "Placeholder",
      op === "Conv2D" ? "_FusedConv2D" : "FusedDepthwiseConv2dNative",
    ]);
  }
});

test("a matrix product takes them too", () => {
  const nodes = [
    node("pool", "Mean", ["input", "axes"]),
    node("m", "MatMul", ["pool", "w"]),
    node("s", "Mul", ["m", "scale"]),
    node("b", "AddV2", ["s", "offset"]),
    node("exit", "Relu", ["b"]),
  ];
  const weights = floats("w", [3, 5]);
  const constants = [weights, floats("scale", [5]), floats("offset", [1, 5]), ints("axes", [1, 2])];
  const { graph, folded } = fold(graphOf(nodes, constants, "exit"));
  expect(folded).toBe(3);
  expect(graph.nodes.map((one) => one.op)).toEqual(["Placeholder", "Mean", "_FusedMatMul"]);
});

test("a bias that is fused in already is scaled and moved with the rest; an activation ends it", () => {
  const nodes = [
    node("c", "_FusedConv2D", ["input", "w", "bias"]),
    node("s", "Mul", ["c", "scale"]),
    node("r", "Relu", ["s"]),
    node("exit", "Mul", ["r", "scale"]),
  ];
  const { graph, folded } = fold(graphOf(nodes, [kernel, floats("bias", [4]), floats("scale", [4])], "exit"));
  expect(folded).toBe(2);
  expect(graph.nodes.map(({ name }) => name)).toEqual(["input", "r", "exit"]);
});

test("nothing is folded across what others read, or an exit", () => {
  const nodes = [
    node("c", "Conv2D", ["input", "w"]),
    node("s", "Mul", ["c", "scale"]),
    node("r", "Relu", ["s"]),
    node("exit", "AddV2", ["r", "c"]),
  ];
  const constants = [kernel, floats("scale", [4])];
  expect(fold(graphOf(nodes, constants, "exit")).folded).toBe(0);
  const single = [...nodes.slice(0, 3)];
  expect(fold(graphOf(single, constants, "r")).folded).toBe(2);
  expect(fold(graphOf(single, constants, "s", "r")).graph.nodes.map(({ name }) => name)).toEqual([
    "input",
    "s",
    "r",
  ]);
  expect(fold(graphOf(single, constants, "c", "r")).folded).toBe(0);
});

test("what differs over the image, or multiplies the image itself, stays", () => {
  const nodes = [
    node("c", "Conv2D", ["input", "w"]),
    node("s", "Mul", ["c", "map"]),
    node("t", "Mul", ["s", "s"]),
    node("exit", "RealDiv", ["scale", "t"]),
  ];
  const constants = [kernel, positives("map", [8, 8, 1]), positives("scale", [4])];
  const graph = graphOf(nodes, constants, "s");
  expect(fold(graph).folded).toBe(0);
  expect(foldLinear(graphOf(nodes, constants, "exit"), new Map([["c", [8, 8, 4]]])).folded).toBe(0);
});

test("a kernel of integers keeps its bytes, whatever scales what it gives; one of float16 is scaled", () => {
  const half = quantised(kernel);
  const biased = [node("c", "Conv2D", ["input", "w"]), node("exit", "BiasAdd", ["c", "bias"])];
  const kept = fold(graphOf(biased, [half, floats("bias", [4])], "exit"));
  expect(kept.graph.constants.get("w")).toEqual(half);
  expect(kept.graph.nodes[1]!.inputs[1]).toBe("w");
  expect(kept.isRounded).toBe(false);

  const scaled = [node("c", "Conv2D", ["input", "w"]), node("exit", "Mul", ["c", "scale"])];
  expect(fold(graphOf(scaled, [half, floats("scale", [4])], "exit")).folded).toBe(0);
  const moved = [
    ...scaled.slice(0, 1),
    node("s", "Mul", ["c", "scale"]),
    node("m", "AddV2", ["s", "bias"]),
    node("exit", "Relu", ["m"]),
  ];
  const merged = fold(graphOf(moved, [half, floats("scale", [4]), floats("bias", [4])], "exit"));
  expect(merged.graph.constants.get("w")).toEqual(half);
  expect(merged.graph.nodes.map(({ name, op }) => `${name} ${op}`)).toEqual([
    "input Placeholder",
    "c Conv2D",
    "m FusedBatchNormV3",
    "exit Relu",
  ]);
  expect(merged.isRounded).toBe(false);

  const bytes = toFloat16(kernel.values as Float32Array)!;
  const quantization = { dtype: "float16", original_dtype: "float32" };
  const sixteen = { ...kernel, stored: { bytes, quantization } };
  const rounded = fold(graphOf(scaled, [sixteen, floats("scale", [4])], "exit"));
  const { stored } = rounded.graph.constants.get("exit/kernel")!;
  expect([stored!.quantization, stored!.bytes.length]).toEqual([quantization, 2 * kernel.values.length]);
  expect(rounded.isRounded).toBe(true);
  const huge = { ...floats("scale", [4]), values: Float32Array.of(1e6, 1, 1, 1) };
  const infinite = foldLinear(
    graphOf(scaled, [sixteen, huge], "exit"),
    new Map([
      ["c", [8, 8, 4]],
      ["exit", [8, 8, 4]],
    ]),
  );
  expect(infinite.graph.constants.get("exit/kernel")!.stored).toBeUndefined();
});

test("a kernel that two nodes share is scaled for one of them only", () => {
  const nodes = [
    node("c", "Conv2D", ["input", "w"]),
    node("s", "Mul", ["c", "scale"]),
    node("d", "Conv2D", ["input", "w"]),
    node("exit", "AddV2", ["s", "d"]),
  ];
  const { graph, folded } = fold(graphOf(nodes, [kernel, floats("scale", [4])], "exit"));
  expect(folded).toBe(1);
  expect([...graph.constants.keys()].sort()).toEqual(["s/bias", "s/kernel", "w"]);
});
