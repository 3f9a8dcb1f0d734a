import { beforeAll, expect, test } from "vitest";
import { openBackend } from "../engine/backend.ts";
import { intAttr, shapeAttr, stringAttr, typeAttr } from "../graph-model/node-def.ts";
import { Reasons } from "../graph-model/reasons.ts";
import { classifier, graphFiles, image, ints, node, type TinyJson, type TinyModel } from "./fixture.ts";
import type { ModelJson } from "./model-file.ts";
import { type ReadGraph, readGraph } from "./read-graph.ts";

beforeAll(() => openBackend("wasm"));

/** Reads a graph and refuses it as the importer does. */
function read(
  model: TinyModel,
  exits: readonly string[] | null = null,
  change: (json: TinyJson) => void = () => {},
): ReadGraph {
  const json = JSON.parse(graphFiles(model, change)["model.json"] as string) as ModelJson;
  const reasons = new Reasons();
  const constants = new Map(model.constants.map((constant) => [constant.name, constant]));
  const graph = readGraph(json, constants, exits, reasons);
  reasons.check("it");
  return graph;
}

/** The classifier with more nodes before its logits: they read `sum/relu` and give `x`. */
function withNodes(nodes: TinyModel["nodes"], constants: TinyModel["constants"] = []): TinyModel {
  const model = classifier();
  return {
    nodes: [
      ...model.nodes.map((one) => (one.name === "pool" ? { ...one, input: ["x", "axes"] } : one)),
      ...nodes,
    ],
    constants: [...model.constants, ...constants],
  };
}

test("idle nodes vanish, the image comes first and takes any batch, inputs come before readers", () => {
  for (const batch of [-1, 1]) {
    const graph = read(classifier([batch, 8, 8, 3]));
    expect(graph.nodes.map(({ name }) => name)).toEqual([
      "input",
      "a",
      "a/norm",
      "a/relu",
      "b",
      "b/bias",
      "sum",
      "sum/relu",
      "pool",
      "dense",
      "logits",
    ]);
    expect(graph.nodes[0]!.attr.shape).toEqual(shapeAttr([-1, 8, 8, 3]));
    expect(graph.nodes[6]!.inputs).toEqual(["b/bias", "a/relu"]);
    expect(graph.exits).toEqual([{ id: "full", node: "logits", original: "Identity" }]);
    expect([graph.total, graph.idle]).toEqual([23, 2]);
  }
});

test("outputs come from either signature, from --exits, else from what nobody reads; what no exit needs goes", () => {
  const model = classifier();
  const extra = { ...model, nodes: [...model.nodes, node("loose", "Relu", ["pool"])] };
  expect(() => read(extra)).toThrow(
    /outputs: expected one, got Identity, loose; name the scores' nodes with --exits/,
  );
  const signature = { outputs: { probs: { name: "Identity:0" } } };
  for (const stated of [{ signature }, { userDefinedMetadata: { signature } }]) {
    const graph = read(extra, null, (json) => Object.assign(json, stated));
    expect(graph.exits.map(({ original }) => original)).toEqual(["Identity"]);
    expect(graph.nodes.map(({ name }) => name)).not.toContain("loose");
  }
  expect(read(extra, ["pool"]).nodes.at(-1)!.name).toBe("pool");
  expect(() => read(extra, ["nothing"])).toThrow(
    /--exits: expected names of nodes \(the model's outputs are Identity, loose\), got nothing/,
  );
});

test("exits are put in order, earliest first, whatever order they are named in", () => {
  for (const named of [
    ["Identity", "pool"],
    ["pool", "Identity"],
  ]) {
    expect(read(classifier(), named).exits).toEqual([
      { id: "exit1", node: "pool", original: "pool" },
      { id: "exit2", node: "logits", original: "Identity" },
    ]);
  }
});

test.each<[string, number[] | undefined, string]>([
  [
    "unknown sides",
    [-1, -1, -1, 3],
    "input input: expected known sides, got [unknown, unknown, unknown, 3]: height and width unknown",
  ],
  ["channels", [-1, 8, 8, 4], "got [unknown, 8, 8, 4]"],
  ["rank", [-1, 192], "or [batch, height, width], got [unknown, 192]"],
  ["a rank without columns", [-1, 192, 3], "or [batch, height, width], got [unknown, 192, 3]"],
  ["a batch", [4, 8, 8, 3], "expected one image or any number, got a batch of 4"],
  ["a large side", [-1, 8, 9000, 3], "expected sides of at most 4096"],
  ["no shape", undefined, "got no shape"],
])("an input of a wrong shape is refused: %s", (_, shape, message) => {
  const model = classifier();
  const { shape: __, ...bare } = image().attr!;
  const input = shape === undefined ? { ...image(), attr: bare } : image(shape);
  expect(() => read({ ...model, nodes: [input, ...model.nodes.slice(1)] })).toThrow(message);
});

test("a placeholder without a shape takes the signature's", () => {
  const model = classifier();
  const nodes = [
    { name: "input", op: "Placeholder", attr: { dtype: typeAttr("float32") } },
    ...model.nodes.slice(1),
  ];
  const signature = {
    inputs: {
      x: { name: "input:0", tensorShape: { dim: [-1, 8, 8, 3].map((size) => ({ size: `${size}` })) } },
    },
    outputs: { y: { name: "Identity" } },
  };
  const graph = read({ ...model, nodes }, null, (json) => Object.assign(json, { signature }));
  expect(graph.nodes[0]!.attr.shape).toEqual(shapeAttr([-1, 8, 8, 3]));
});

test.each<[string, TinyModel["nodes"], TinyModel["constants"], RegExp]>([
  [
    "an unknown one",
    [node("x", "MagicMul", ["sum/relu"])],
    [],
    /x \(MagicMul\): the graph executor of this TF\.js does not know/,
  ],
  [
    "Switch and Merge",
    [node("s", "Switch", ["sum/relu", "yes"]), node("x", "Merge", ["s", "s:1"])],
    [ints("yes", [1], [])],
    /x \(Merge\): control flow is not supported/,
  ],
  ["While", [node("x", "StatelessWhile", ["sum/relu"])], [], /x \(StatelessWhile\): control flow/],
  [
    "a TensorList",
    [node("x", "TensorListStack", ["sum/relu", "n"])],
    [ints("n", [1])],
    /x \(TensorListStack\): control flow/,
  ],
  [
    "Where",
    [node("x", "Where", ["sum/relu"])],
    [],
    /x \(Where\): the shape of its output depends on the image/,
  ],
  [
    "a random one",
    [node("r", "RandomUniform", ["n"]), node("x", "Mul", ["sum/relu", "r"])],
    [ints("n", [8])],
    /r \(RandomUniform\): random values are not the same/,
  ],
  ["complex numbers", [node("x", "FFT", ["sum/relu"])], [], /x \(FFT\): complex numbers/],
  [
    "a second output",
    [node("t", "TopKV2", ["sum/relu", "k"]), node("x", "Cast", ["t:1"])],
    [ints("k", [2], [])],
    /t \(TopKV2\): has several outputs, of which only the first is supported; read are 1 by x/,
  ],
  [
    "NCHW",
    [node("x", "Conv2D", ["sum/relu", "b/w"], { data_format: stringAttr("NCHW") })],
    [],
    /x \(Conv2D\): expected data_format NHWC, got NCHW/,
  ],
  [
    "a comparison",
    [node("g", "Greater", ["sum/relu", "b/b"]), node("x", "Cast", ["g"], { DstT: { type: "DT_FLOAT" } })],
    [],
    /g \(Greater\): its output depends on the image and is no float32/,
  ],
  [
    "a cast to int32",
    [
      node("c", "Cast", ["sum/relu"], { DstT: { type: "DT_INT32" } }),
      node("x", "Cast", ["c"], { DstT: { type: "DT_FLOAT" } }),
    ],
    [],
    /c \(Cast\): its output depends on the image/,
  ],
])("an operation that has no place is refused by name: %s", (_, nodes, constants, message) => {
  expect(() => read(withNodes(nodes, constants))).toThrow(message);
});

test("only the first output of a node may be read, and then it may be any operation of several", () => {
  const split = [
    node("s", "Split", ["axis", "sum/relu"], { num_split: intAttr(2) }),
    node("x", "ConcatV2", ["s", "s:0", "axis"], { N: intAttr(2) }),
  ];
  const graph = read(withNodes(split, [ints("axis", [3], [])]));
  expect(graph.nodes.find(({ name }) => name === "x")!.inputs).toEqual(["s", "s", "axis"]);
});

test("every reason is told at once, as far as anybody reads", () => {
  const nodes = Array.from({ length: 43 }, (_, at) =>
    node(at === 42 ? "x" : `n${at}`, "MagicMul", [at === 0 ? "sum/relu" : `n${at - 1}`]),
  );
  const model = withNodes(nodes);
  const wrong = { ...model, nodes: [image([-1, -1, 8, 3]), ...model.nodes.slice(1)] };
  let message = "";
  try {
    read(wrong);
  } catch (thrown) {
    ({ message } = thrown as Error);
  }
  const lines = message.split("\n");
  expect(lines[0]).toBe("it cannot be imported:");
  expect(lines[1]).toContain("height unknown");
  expect(lines.slice(2, 41).every((line) => line.includes("(MagicMul)"))).toBe(true);
  expect(lines.slice(41)).toEqual(["  and 4 more"]);
});

test("two inputs, no input and an exit that no image reaches are refused", () => {
  const other = withNodes([image([-1, 8, 8, 8], "mask"), node("x", "Mul", ["sum/relu", "mask"])]);
  expect(() => read(other)).toThrow("inputs: expected one, got input, mask");
  const model = classifier();
  const constant = { nodes: [...model.nodes, node("c", "Relu", ["dense/b"])], constants: model.constants };
  expect(() => read(constant, ["c"])).toThrow(
    "input: expected a Placeholder that the scores depend on, got none",
  );
  expect(() => read(constant, ["c", "Identity"])).toThrow("exit c: expected scores that depend on the image");
});

test("an input of another dtype is refused", () => {
  const model = classifier();
  const bytes = { ...image(), attr: { ...image().attr!, dtype: { type: "DT_UINT8" } } };
  expect(() => read({ ...model, nodes: [bytes, ...model.nodes.slice(1)] })).toThrow(
    "input (Placeholder): expected dtype DT_FLOAT, got DT_UINT8",
  );
});

test("a graph that hangs together badly is refused", () => {
  const model = classifier();
  const replaced = (name: string, input: string[]) => ({
    ...model,
    nodes: model.nodes.map((one) => (one.name === name ? { ...one, input } : one)),
  });
  expect(() => read(replaced("pool", ["lost", "axes"]))).toThrow("input lost: expected a node's name");
  expect(() => read(replaced("a", ["sum", "a/w"]), ["Identity"])).toThrow(
    /expected a DAG, got a cycle through/,
  );
  expect(() => read({ ...model, nodes: [...model.nodes, model.nodes[1]!] })).toThrow(
    "expected a name of its own, got a again",
  );
  expect(() => read(model, null, (json) => json.modelTopology.node.push({ name: "bad" }))).toThrow(
    "modelTopology.node[23]: expected a NodeDef with name, op and input",
  );
  const without = { ...model, constants: model.constants.filter(({ name }) => name !== "b/w") };
  const def = { name: "b/w", op: "Const", attr: {} };
  expect(() => read(without, null, (json) => json.modelTopology.node.push(def))).toThrow(
    "constant b/w: expected a weight of this name, got none",
  );
});
