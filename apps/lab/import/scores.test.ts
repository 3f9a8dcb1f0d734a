import { expect, test } from "vitest";
import type { OutputKind } from "#shared/model";
import { Reasons } from "../graph-model/reasons.ts";
import { foreignGraph, image, ints, node, type TinyModel } from "./fixture.ts";
import type { StaticGraph } from "./make-static.ts";
import { type ScoredGraph, withScores } from "./scores.ts";

type Rows = readonly (readonly number[])[];

interface Exit {
  /** From the image to the exit, which has the last one's name. */
  readonly ops: readonly string[];
  readonly shape?: readonly number[];
  readonly rows: Rows;
}

/** A graph whose exits gave these rows for two images of noise, and the first of them for a photo. */
function score(
  exits: readonly Exit[],
  said: { readonly output?: OutputKind; readonly hasLabels?: boolean } = {},
): ScoredGraph {
  const limit = { name: "limit", dtype: "float32", shape: [], values: Float32Array.of(0.999) } as const;
  const many = { name: "many", dtype: "float32", shape: [], values: Float32Array.of(100) } as const;
  const nodes: TinyModel["nodes"] = [
    image(),
    ...exits.flatMap(({ ops }, exit) =>
      ops.map((op, at) => {
        const before = at === 0 ? "input" : `e${exit}/${at - 1}`;
        const other: Record<string, string[]> = {
          Minimum: ["limit"],
          Mul: ["many"],
          BiasAdd: ["many"],
          MatMul: ["many"],
        };
        return node(`e${exit}/${at}`, op, [before, ...(other[op] ?? [])]);
      }),
    ),
  ];
  const names = exits.map(({ ops }, exit) => `e${exit}/${ops.length - 1}`);
  const shapeOf = ({ shape, rows }: Exit): readonly number[] => shape ?? [rows[0]!.length];
  const graph: StaticGraph = {
    graph: foreignGraph({ nodes, constants: [limit, many, ints("axes", [1])] }, ...names),
    shapes: new Map(exits.map((exit, at) => [names[at] as string, shapeOf(exit)])),
    scores: new Map(
      exits.map(({ rows }, at) => [names[at] as string, rows.map((row) => Float32Array.from(row))]),
    ),
    folded: 0,
  };
  const seen = new Map(
    exits.map(({ rows }, at) => [
      names[at] as string,
      [{ image: "cat.jpg", row: Float32Array.from(rows[0]!) }],
    ]),
  );
  const reasons = new Reasons();
  const scored = withScores(
    graph,
    seen,
    { output: said.output ?? null, hasLabels: said.hasLabels ?? false },
    reasons,
  );
  reasons.check("it");
  return scored;
}

const LOGITS: Rows = [
  [1, 2, 3],
  [0.2, 0.3, 0.5],
];
const PROBABILITIES: Rows = [
  [0.2, 0.3, 0.5],
  [1, 0, 0],
];
const CHANCES: Rows = [
  [0.2, 0.9, 0.7],
  [0, 1, 0.5],
];
const linear = { ops: ["MatMul", "BiasAdd"], rows: LOGITS };
const soft = { ops: ["MatMul", "Softmax"], rows: PROBABILITIES };
const asks = "--output: expected what the scores are, which is not certain here:";

test.each<[string, Exit, OutputKind]>([
  ["a softmax", soft, "softmax"],
  ["a softmax, then a reshape", { ops: ["Softmax", "Reshape"], rows: PROBABILITIES }, "softmax"],
  ["a distribution, however it was made", { ops: ["Div"], rows: PROBABILITIES }, "softmax"],
  ["a sigmoid", { ops: ["Sigmoid"], rows: CHANCES }, "sigmoid"],
  ["a sigmoid of one score", { ops: ["Sigmoid"], rows: [[0.3], [0.9]] }, "sigmoid"],
  ["a sigmoid, then a squeeze", { ops: ["Sigmoid", "Squeeze"], rows: CHANCES }, "sigmoid"],
  ["a sigmoid, then a clip", { ops: ["Sigmoid", "Minimum", "Reshape"], rows: CHANCES }, "sigmoid"],
])("%s is certain, and stays what it is", (_, exit, kind) => {
  const { graph, output } = score([exit]);
  expect(output).toBe(kind);
  expect(graph.exits[0]).toMatchObject({ node: `e0/${exit.ops.length - 1}`, output: kind });
  expect(graph.nodes).toHaveLength(1 + exit.ops.length);
});

test.each<[string, Exit, string]>([
  ["a sum of products", linear, "3 values end in e0/1 (BiasAdd)"],
  [
    "a sigmoid that is scaled",
    { ops: ["Sigmoid", "Mul"], rows: [[20, 90, 70]] },
    "3 values end in e0/0 (Sigmoid), then e0/1 (Mul)",
  ],
  [
    "percentages",
    { ops: ["Softmax", "Mul"], rows: [[20, 30, 50]] },
    "end in e0/0 (Softmax), then e0/1 (Mul)",
  ],
  ["one number", { ops: ["MatMul"], rows: [[31.5]] }, "one value ends in e0/0 (MatMul)"],
])("%s is asked, with what it gave for a photo", (_, exit, why) => {
  for (const said of [{}, { hasLabels: exit !== linear }]) {
    expect(() => score([exit], said)).toThrow(asks);
    expect(() => score([exit], said)).toThrow(why);
    expect(() => score([exit], said)).toThrow(`\n    cat.jpg: ${exit.rows[0]!.join(", ")}`);
  }
  for (const output of ["embedding", "vector"] as const)
    expect(score([exit], { output }).output).toBe(output);
});

test("a sum of products is logits where its classes are named, or where the user says so", () => {
  expect(score([linear], { hasLabels: true }).output).toBe("logits");
  expect(score([linear], { output: "logits" }).output).toBe("logits");
  expect(score([linear], { output: "logits" }).graph.nodes).toHaveLength(3);
});

test.each<[OutputKind, Exit, string]>([
  ["softmax", linear, "expected probabilities that sum to 1, got sums of 6.000, 1.000, 6.000"],
  ["logits", soft, "expected scores before their softmax or sigmoid, got softmax"],
  [
    "logits",
    { ops: ["Sigmoid"], rows: CHANCES },
    "expected scores before their softmax or sigmoid, got sigmoid",
  ],
  [
    "logits",
    { ops: ["Softmax", "Mul"], rows: [[20, 30, 50]] },
    "expected scores before their softmax or sigmoid, got what",
  ],
  ["sigmoid", soft, "expected a chance of its own for every label, got chances that sum to 1"],
  ["sigmoid", linear, "expected chances from 0 to 1, got 2.000"],
  ["logits", { ops: ["MatMul"], rows: [[3]] }, "expected 2 classes or more, got one value"],
])("--output %s is refused for what cannot be that", (output, exit, why) => {
  expect(() => score([exit], { output })).toThrow(`--output ${output}: ${why}`);
});

test("scores of [1, 1, classes] are reshaped, and nothing else", () => {
  const { graph, shapes, width } = score([{ ...soft, shape: [1, 1, 3] }]);
  expect(width).toBe(3);
  expect(graph.nodes.at(-1)).toMatchObject({
    name: "exit1/scores",
    op: "Reshape",
    inputs: ["e0/1", "exit1/shape"],
  });
  expect(graph.constants.get("exit1/shape")!.values).toEqual(Int32Array.of(-1, 3));
  expect(shapes.get("exit1/scores")).toEqual([3]);
});

test("exits of classes may give logits and probabilities; other kinds do not mix, nor do widths", () => {
  const { graph } = score([soft, linear], { output: "logits" });
  expect(graph.exits.map(({ output }) => output)).toEqual(["softmax", "logits"]);
  expect(() => score([soft, { ops: ["Sigmoid"], rows: CHANCES }])).toThrow(
    "exit e1/0, e1/0 (Sigmoid): expected classes as at the exit before, got sigmoid",
  );
  expect(() => score([soft, { ops: ["Softmax"], rows: [[0.5, 0.5]] }])).toThrow(
    "expected 3 scores as at the exit before, got 2",
  );
});

test("no scores, and scores that are no numbers, are refused", () => {
  expect(() => score([{ ...linear, shape: [4, 4, 3] }])).toThrow(
    "expected [batch, scores], got [batch, 4, 4, 3]",
  );
  expect(() => score([{ ...linear, rows: [[1, Number.NaN, 2]] }])).toThrow(
    "expected finite scores, got others",
  );
});
