import type { Rank } from "@tensorflow/tfjs";
import { describe, expect, test } from "vitest";
import { findNativeTf, type Tf } from "../engine/native.ts";
import { BASE_RECIPE, type Recipe } from "./architectures/recipe.ts";
import { makeDescent } from "./descent.ts";
import { lengthOf, orthogonal } from "./muon.ts";

const native = findNativeTf();

describe.skipIf(!native)("Muon (needs @tensorflow/tfjs-node)", () => {
  const tf = native as Tf;

  for (const [rows, columns] of [
    [90, 16],
    [12, 48],
    [32, 32],
  ] as const) {
    test(`a matrix [${rows}, ${columns}] becomes nearly orthogonal, and keeps its directions`, () => {
      const matrix = tf.randomNormal<Rank.R2>([rows, columns], 0, 3, "float32", 7);
      const result = orthogonal(tf, matrix);
      expect(result.shape).toEqual([rows, columns]);
      const gram = tf.matMul(result, result, rows >= columns, rows < columns);
      // The squares of the singular values, which add up to the trace.
      const side = Math.min(rows, columns);
      const values = gram.arraySync() as number[][];
      const trace = values.reduce((sum, row, at) => sum + row[at]!, 0);
      expect(trace / side).toBeGreaterThan(0.6);
      expect(trace / side).toBeLessThan(1.4);
      const others = Math.max(
        ...values.map((row, at) => Math.max(...row.map((v, i) => (i === at ? 0 : Math.abs(v))))),
      );
      expect(others).toBeLessThan(0.5);
      const along = matrix
        .mul(result)
        .sum()
        .div(lengthOf(matrix).mul(lengthOf(result)))
        .dataSync()[0]!;
      expect(along).toBeGreaterThan(0.8);
      tf.dispose([matrix, result, gram]);
    });
  }

  test("a gradient of zeros stays one", () => {
    const result = orthogonal(tf, tf.zeros([8, 4]));
    expect([...result.dataSync()]).toEqual(Array.from({ length: 32 }, () => 0));
  });

  test("a step turns a convolution's kernel by its share of the length, which stays; others descend", () => {
    const recipe: Recipe = { ...BASE_RECIPE, phases: [], turn: 0.1, warmupEpochs: 0, momentum: 0 };
    const shapes = { "conv/kernel": [3, 3, 4, 8], "depthwise/kernel": [3, 3, 4, 1], "conv/bias": [8] };
    const variables = Object.entries(shapes).map(([name, shape]) => {
      const values = tf.randomNormal(shape, 0, 1, "float32", 5);
      return { name, variable: tf.variable(values.div(lengthOf(values)).mul(Math.sqrt(8))) };
    });
    const before = variables.map(({ variable }) => variable.clone());
    const slopes = variables.map(({ variable }) => tf.randomNormal(variable.shape, 0, 1, "float32", 9));
    const gradients = Object.fromEntries(variables.map(({ variable }, at) => [variable.name, slopes[at]!]));
    makeDescent(tf, variables, recipe).step(gradients, 0);
    const [kernel, depthwise, bias] = variables.map(({ variable }) => variable);
    expect(lengthOf(kernel!).dataSync()[0]).toBeCloseTo(Math.sqrt(8), 4);
    const turned = lengthOf(kernel!.sub(before[0]!)).dataSync()[0]! / Math.sqrt(8);
    expect(turned).toBeGreaterThan(0.07);
    expect(turned).toBeLessThan(0.12);
    const decayed = slopes[1]!.add(before[1]!.mul(recipe.weightDecay)).mul(recipe.rate);
    expect(lengthOf(depthwise!.sub(before[1]!.sub(decayed))).dataSync()[0]).toBeCloseTo(0, 5);
    expect(lengthOf(bias!.sub(before[2]!.sub(slopes[2]!.mul(recipe.rate)))).dataSync()[0]).toBeCloseTo(0, 5);
  });
});
