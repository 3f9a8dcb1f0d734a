import { softmax, tensor2d } from "@tensorflow/tfjs-core";
import { beforeAll, expect, test } from "vitest";
import { openBackend } from "../engine/backend.ts";
import { foreignGraph, image, node } from "./fixture.ts";
import type { StaticGraph } from "./make-static.ts";
import { Reasons } from "./reasons.ts";
import { type ScoredGraph, withScores } from "./scores.ts";

beforeAll(() => openBackend("wasm"));

interface Exit {
  readonly op: string;
  readonly shape: readonly number[];
  readonly rows: readonly (readonly number[])[];
}

/** A graph whose exits gave these rows for two images. */
function score(...exits: readonly Exit[]): ScoredGraph {
  const nodes = [image(), ...exits.map(({ op }, at) => node(`e${at}`, op, ["input"]))];
  const names = exits.map((_, at) => `e${at}`);
  const graph: StaticGraph = {
    graph: foreignGraph({ nodes, constants: [] }, ...names),
    shapes: new Map([
      ["input", [8, 8, 3]],
      ...exits.map(({ shape }, at): [string, readonly number[]] => [`e${at}`, shape]),
    ]),
    scores: new Map(exits.map(({ rows }, at) => [`e${at}`, rows.map((row) => Float32Array.from(row))])),
    folded: 0,
  };
  const reasons = new Reasons();
  const scored = withScores(graph, reasons);
  reasons.check("it");
  return scored;
}

const logits = {
  op: "AddV2",
  shape: [3],
  rows: [
    [1, 2, 3],
    [0.2, 0.3, 0.5],
  ],
};
const probabilities = {
  op: "Softmax",
  shape: [3],
  rows: [
    [0.2, 0.3, 0.5],
    [1, 0, 0],
  ],
};

test("probabilities stay, logits get a softmax: one row that does not sum to 1 is enough", () => {
  const { graph, classes, isSoftened, shapes } = score(logits, probabilities);
  expect([classes, isSoftened]).toEqual([3, [true, false]]);
  expect(graph.exits.map(({ node }) => node)).toEqual(["exit1/scores", "e1"]);
  expect(graph.nodes.at(-1)).toMatchObject({ name: "exit1/scores", op: "Softmax", inputs: ["e0"] });
  expect(shapes.get("exit1/scores")).toEqual([3]);
  const soft = softmax(tensor2d([[1, 2, 3]])).dataSync();
  expect(score({ ...logits, rows: [[...soft]] }).isSoftened).toEqual([false]);
});

test("scores of [1, 1, classes] are reshaped, before a softmax or alone", () => {
  const [a, b] = [logits, probabilities].map((exit) => score({ ...exit, shape: [1, 1, 3] }));
  expect(a!.graph.nodes.slice(-2).map(({ name, op }) => `${name} ${op}`)).toEqual([
    "exit1/logits Reshape",
    "exit1/scores Softmax",
  ]);
  expect(b!.graph.nodes.at(-1)).toMatchObject({
    name: "exit1/scores",
    op: "Reshape",
    inputs: ["e0", "exit1/shape"],
  });
  expect([...b!.graph.constants.get("exit1/shape")!.values]).toEqual([-1, 3]);
});

test.each<[string, Exit, string]>([
  [
    "a feature map",
    { ...logits, shape: [4, 4, 3] },
    "exit e0, e0 (AddV2): expected [batch, classes] with 2 classes or more, got [batch, 4, 4, 3]",
  ],
  ["one class", { ...logits, shape: [1] }, "got [batch, 1]"],
  ["no numbers", { ...logits, rows: [[1, Number.NaN, 0]] }, "expected finite scores, got others"],
  [
    "a score of its own for every class",
    { ...logits, op: "Sigmoid" },
    "expected probabilities that sum to 1, or logits",
  ],
])("an exit that is no classifier is refused: %s", (_, exit, message) => {
  expect(() => score(exit)).toThrow(message);
});

test("exits of different widths are refused", () => {
  expect(() => score(logits, { op: "AddV2", shape: [2], rows: [[1, 2]] })).toThrow(
    "exit e1, e1 (AddV2): expected 3 classes as at the exit before, got 2",
  );
});
