import { expect, test } from "vitest";
import { calibrated, confidence } from "./confidence.ts";
import { exitConfidence, type OutputKind, readScores } from "./output.ts";

const read = (
  output: OutputKind | undefined,
  labels: readonly string[],
  scores: readonly number[],
  temperature = 1,
) => readScores(labels, { temperature, ...(output && { output }) }, scores);

const CLASSES = ["cat", "dog", "bird"];

test("logits say what the softmax of them says, at every temperature", () => {
  const logits = [2, -1, 0.5];
  const weights = logits.map(Math.exp);
  const sum = weights.reduce((a, b) => a + b);
  const probabilities = weights.map((weight) => weight / sum);
  for (const temperature of [0.5, 1, 3]) {
    const soft = read("softmax", CLASSES, probabilities, temperature);
    expect(read(undefined, CLASSES, probabilities, temperature)).toEqual(soft);
    expect(soft).toMatchObject({ label: "cat", confidence: confidence(probabilities, temperature) });
    const { label, confidence: sure, chances } = read("logits", CLASSES, logits, temperature);
    expect(label).toBe("cat");
    expect(sure).toBeCloseTo(soft.confidence, 10);
    calibrated(probabilities, temperature).forEach((one, at) => {
      expect(chances[at]).toBeCloseTo(one, 10);
    });
  }
  expect(read("logits", CLASSES, [1000, 0, -1000])).toMatchObject({ label: "cat", confidence: 1 });
});

test("independent labels all hold that are likelier than not; sure is the chance that all are right", () => {
  const { label, confidence: sure, chances } = read("sigmoid", CLASSES, [0.9, 0.2, 0.6]);
  expect(label).toBe("cat, bird");
  expect(chances.map((one) => Number(one.toFixed(6)))).toEqual([0.9, 0.2, 0.6]);
  expect(sure).toBeCloseTo(0.9 * 0.8 * 0.6, 10);
  expect(read("sigmoid", CLASSES, [0.1, 0.2, 0.3]).label).toBe("none of 3 labels");
  expect(read("sigmoid", CLASSES, [0, 1, 0.5]).chances).toEqual([0, 1, 0.5]);
});

test("one score for two labels is a choice between them, one for one label is yes or no", () => {
  expect(read("sigmoid", ["cat", "dog"], [0.25])).toEqual({
    label: "cat",
    confidence: 0.75,
    chances: [0.75, 0.25],
  });
  expect(read("sigmoid", ["cat", "dog"], [0.75]).label).toBe("dog");
  expect(read("sigmoid", ["smile"], [0.75])).toEqual({ label: "smile", confidence: 0.75, chances: [0.75] });
  expect(read("sigmoid", ["smile"], [0.25])).toMatchObject({ label: "not smile", confidence: 0.75 });
  expect(read("sigmoid", ["smile"], [0.9], 2).confidence).toBeCloseTo(0.75, 10);
});

test("embeddings and vectors name nothing and are never sure", () => {
  const numbers = ["value 0", "value 1"];
  expect(read("embedding", numbers, [3, -4])).toEqual({
    label: "an embedding of 2 numbers",
    confidence: Number.NaN,
    chances: [],
  });
  expect(read("vector", numbers, [3, -4])).toMatchObject({ label: "2 numbers", chances: [] });
  expect(read("vector", ["age"], [31.26]).label).toBe("age: 31.26");
  expect(exitConfidence([1, 0], { output: "vector" })).toBeNaN();
});
