import { concat, type Tensor4D, tensor4d } from "@tensorflow/tfjs-core";
import { beforeAll, expect, test } from "vitest";
import { openBackend } from "../engine/backend.ts";
import { boolAttr, intAttr, intsAttr, stringAttr, typeAttr } from "../graph-model/node-def.ts";
import { Reasons } from "../graph-model/reasons.ts";
import { classifier, floats, foreignGraph, image, ints, node, positives, type TinyModel } from "./fixture.ts";
import { type ForeignGraph, pruned } from "./graph.ts";
import { makeStatic, type StaticGraph } from "./make-static.ts";
import { runAll } from "./run-graph.ts";

let images: [Tensor4D, Tensor4D];
let both: Tensor4D;
beforeAll(async () => {
  await openBackend("wasm");
  images = ["one", "two"].map((name) => tensor4d(floats(name, [192]).values, [1, 8, 8, 3])) as typeof images;
  both = concat(images) as Tensor4D;
});

function make(model: TinyModel, exit = "exit"): StaticGraph {
  const reasons = new Reasons();
  const made = makeStatic(pruned(foreignGraph(model, exit)), images, both, reasons);
  reasons.check("it");
  return made;
}

/** What an exit gives for both images. */
const scoresOf = (graph: ForeignGraph): Float32Array => {
  const { node } = graph.exits[0]!;
  return runAll(graph, both).get(node)!.values as Float32Array;
};

test("a graph that is static already stays as it is", () => {
  const model = classifier();
  const nodes = model.nodes
    .filter(({ op }) => op !== "Identity")
    .map((one) => ({
      ...one,
      input: (one.input ?? []).map((name) => (name === "drop" ? "a/relu" : name.replace(/:0$/, ""))),
    }));
  const made = make({ ...model, nodes }, "logits");
  expect(made.folded).toBe(0);
  expect(made.shapes.get("sum")).toEqual([8, 8, 8]);
  expect(made.shapes.get("logits")).toEqual([4]);
  expect(made.scores.get("logits")!.map((row) => row.length)).toEqual([4, 4]);
});

test("what hangs on constants alone becomes one, with the same scores", () => {
  const model: TinyModel = {
    nodes: [
      image(),
      node("root", "Rsqrt", ["variance"]),
      node("scale", "Mul", ["root", "gamma"]),
      node("x", "Mul", ["input", "scale"]),
      node("exit", "Mean", ["x", "axes"]),
    ],
    constants: [positives("variance", [3]), floats("gamma", [3]), ints("axes", [1, 2])],
  };
  const made = make(model);
  expect(made.folded).toBe(2);
  expect(made.graph.nodes.map(({ name }) => name)).toEqual(["input", "x", "exit"]);
  expect([...made.graph.constants.keys()].sort()).toEqual(["axes", "scale"]);
  expect(scoresOf(made.graph)).toEqual(scoresOf(pruned(foreignGraph(model, "exit"))));
});

test("a shape made from the batch becomes one of any batch", () => {
  const model: TinyModel = {
    nodes: [
      image(),
      node("shape", "Shape", ["input"]),
      node("batch", "StridedSlice", ["shape", "zero", "one", "one"]),
      node("target", "Pack", ["batch", "rest"]),
      node("exit", "Reshape", ["input", "target"], { Tshape: typeAttr("int32") }),
    ],
    constants: [ints("zero", [0]), ints("one", [1]), ints("rest", [192], [])],
  };
  const made = make(model);
  expect(made.graph.nodes.map(({ name }) => name)).toEqual(["input", "exit"]);
  const target = made.graph.constants.get(made.graph.nodes[1]!.inputs[1]!)!;
  expect([...target.values]).toEqual([-1, 192]);
  expect(scoresOf(made.graph)).toEqual(Float32Array.from(both.dataSync()));
});

test.each([[[1, -1]], [[1, 192]], [[1, 64, 3]]])(
  "a reshape to one image, [%s], becomes one to any number",
  (to) => {
    const model: TinyModel = {
      nodes: [image(), node("exit", "Reshape", ["input", "to"], { Tshape: typeAttr("int32") })],
      constants: [ints("to", to)],
    };
    const made = make(model);
    expect([...made.graph.constants.values()].map(({ values }) => [...values])).toEqual([
      [-1, ...made.shapes.get("exit")!],
    ]);
    expect(scoresOf(made.graph)).toEqual(Float32Array.from(both.dataSync()));
  },
);

const reshape = { Tshape: typeAttr("int32") };
test.each<[string, TinyModel["nodes"], TinyModel["constants"], RegExp]>([
  [
    "the batch lost",
    [node("exit", "Reshape", ["input", "to"], reshape)],
    [ints("to", [-1, 3])],
    /exit \(Reshape\): expected the batch as its first axis, got \[64,3\] for one image, \[128,3\] for two/,
  ],
  [
    "the batch moved",
    [node("exit", "Transpose", ["input", "to"])],
    [ints("to", [3, 0, 1, 2])],
    /exit \(Transpose\): expected the batch as its first axis, got \[3,1,8,8\] for one image, \[3,2,8,8\] for two/,
  ],
  [
    "images mixed",
    [
      node("sum", "Sum", ["input", "axis"], { keep_dims: boolAttr(true) }),
      node("exit", "Sub", ["input", "sum"]),
    ],
    [ints("axis", [0])],
    /sum \(Sum\): expected the batch as its first axis.*\n.*exit \(Sub\): it mixes the images of a batch/,
  ],
  [
    "no axis beside the batch",
    [node("exit", "Max", ["input", "axes"])],
    [ints("axes", [1, 2, 3])],
    /exit \(Max\): expected an axis beside the batch, got \[1\] for one image, \[2\] for two/,
  ],
  [
    "what fills a batch",
    [
      node("shape", "Shape", ["input"]),
      node("ones", "Fill", ["shape", "value"]),
      node("exit", "Mul", ["input", "ones"]),
    ],
    [floats("value", [])],
    /exit \(Mul\): reads ones \(Fill\), which hangs on the number of images/,
  ],
  [
    "what TF.js cannot run",
    [node("exit", "Conv2D", ["input", "w"])],
    [floats("w", [3, 3, 4, 2])],
    /exit \(Conv2D\): TF\.js cannot run it: /,
  ],
])("a graph with %s is refused, by node", (_, nodes, constants, message) => {
  expect(() => make({ nodes: [image(), ...nodes], constants })).toThrow(message);
});

test("a slice and an average of a fixed window pass, batch and all", () => {
  const model: TinyModel = {
    nodes: [
      image(),
      node("slice", "Slice", ["input", "begin", "size"]),
      node("pool", "AvgPool", ["slice"], {
        ksize: intsAttr([1, 2, 2, 1]),
        strides: intsAttr([1, 2, 2, 1]),
        padding: stringAttr("VALID"),
        data_format: stringAttr("NHWC"),
      }),
      node("exit", "Reshape", ["pool", "to"], { ...reshape, N: intAttr(1) }),
    ],
    constants: [ints("begin", [0, 0, 0, 0]), ints("size", [-1, 4, 4, 3]), ints("to", [-1, 12])],
  };
  expect(make(model).shapes.get("exit")).toEqual([12]);
});
