import type { Tensor1D, Tensor4D } from "@tensorflow/tfjs";
import { describe, expect, test } from "vitest";
import { findNativeTf, type Tf } from "./native.ts";
import { trainBatchNorm, useNativeReluGradient } from "./native-ops.ts";

const native = findNativeTf();

describe.skipIf(!native)("native operations (need @tensorflow/tfjs-node)", () => {
  const tf = native as Tf;
  const difference = (a: unknown, b: unknown): number =>
    tf.tidy(
      () =>
        (a as Tensor4D)
          .sub(b as Tensor4D)
          .abs()
          .max()
          .dataSync()[0] as number,
    );

  test("fused normalisation and its gradients agree with the formula", () => {
    const x = tf.randomNormal([4, 5, 6, 3], 1, 2, "float32", 1) as Tensor4D;
    const gamma = tf.tensor1d([0.5, 1, 2]);
    const beta = tf.tensor1d([0, 1, -1]);
    const dy = tf.randomNormal([4, 5, 6, 3], 0, 1, "float32", 2) as Tensor4D;
    const movingMean = tf.tensor1d([1, 1, 1]);
    const movingVariance = tf.tensor1d([2, 2, 2]);
    const statistics: number[][] = [];
    const fused = (...[a, g, b]: [Tensor4D, Tensor1D, Tensor1D]) =>
      trainBatchNorm(
        tf,
        { x: a, gamma: g, beta: b, movingMean, movingVariance },
        0.9,
        1e-3,
        (mean, variance) => {
          statistics.push([...mean.dataSync()], [...variance.dataSync()]);
        },
      );
    const formula = (...[a, g, b]: [Tensor4D, Tensor1D, Tensor1D]) => {
      const { mean, variance } = tf.moments(a, [0, 1, 2]);
      return a.sub(mean).mul(variance.add(1e-3).rsqrt()).mul(g).add<Tensor4D>(b);
    };
    expect(difference(fused(x, gamma, beta), formula(x, gamma, beta))).toBeLessThan(1e-5);
    const ours = tf.grads(fused as never)([x, gamma, beta], dy);
    const theirs = tf.grads(formula as never)([x, gamma, beta], dy);
    for (const [i, gradient] of ours.entries()) expect(difference(gradient, theirs[i])).toBeLessThan(2e-4);

    const { mean, variance } = tf.moments(x, [0, 1, 2]);
    const unbiased = 120 / 119;
    expect(difference(tf.tensor1d(statistics[0] ?? []), mean.mul(0.1).add(0.9))).toBeLessThan(1e-5);
    expect(difference(tf.tensor1d(statistics[1] ?? []), variance.mul(0.1 * unbiased).add(1.8))).toBeLessThan(
      1e-5,
    );
  });

  test("the gradient of ReLU passes where the input was positive", () => {
    useNativeReluGradient(tf);
    const gradient = tf.grad((x) => tf.relu(x))(tf.tensor1d([-1, 0, 2]), tf.tensor1d([5, 6, 7]));
    expect([...gradient.dataSync()]).toEqual([0, 0, 7]);
  });
});
