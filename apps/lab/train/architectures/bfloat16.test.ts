import type { Scalar, Tensor, Tensor4D } from "@tensorflow/tfjs";
import { describe, expect, test } from "vitest";
import { findNativeTf, type Tf } from "../../engine/native.ts";
import { trainBatchNorm, useNativeReluGradient } from "../../engine/native-ops.ts";
import { asNarrowAs, convolveLike, hasBfloat16, narrow, widen } from "./bfloat16.ts";

process.env.ONEDNN_MAX_CPU_ISA = "AVX512_CORE_AMX";
const native = hasBfloat16() ? findNativeTf() : null;

describe.skipIf(!native)("bfloat16 (needs @tensorflow/tfjs-node and a processor that knows it)", () => {
  const tf = native as Tf;

  test("keeps 8 bits of a value, rounded to even, and all of its exponent", () => {
    const values = [1, 1 + 2 ** -8, 1 + 3 * 2 ** -8, 3e38, -1e-38, 0];
    const back = widen(tf, narrow(tf, tf.tensor1d(values)));
    const expected = [1, 1, 1 + 2 ** -6, 3e38, -1e-38, 0];
    back.dataSync().forEach((value, at) => {
      expect(Math.abs(value - expected[at]!)).toBeLessThanOrEqual(Math.abs(expected[at]!) * 2 ** -8);
    });
    expect(back.dataSync()[1]).toBe(1);
    expect(back.dataSync()[2]).toBe(Math.fround(1 + 2 ** -6));
  });

  test("gradients of a residual block are those of float32, but for what a few roundings and turned ReLUs change", () => {
    useNativeReluGradient(tf);
    const x = tf.randomNormal([4, 6, 6, 16], 0, 1, "float32", 1) as Tensor4D;
    const first = tf.randomNormal([3, 3, 16, 16], 0, 0.1, "float32", 2) as Tensor4D;
    const second = tf.randomNormal([3, 3, 16, 16], 0, 0.1, "float32", 3) as Tensor4D;
    const gamma = tf.ones([16]);
    const beta = tf.zeros([16]);
    const norm = (y: Tensor4D) =>
      trainBatchNorm(
        tf,
        {
          x: y,
          gamma: gamma.as1D(),
          beta: beta.as1D(),
          movingMean: beta.as1D(),
          movingVariance: gamma.as1D(),
        },
        0.9,
        1e-3,
        () => {},
      );
    const block =
      (isNarrow: boolean) =>
      (...args: unknown[]) => {
        const [input, one, two] = args as [Tensor4D, Tensor4D, Tensor4D];
        const seen = isNarrow ? narrow(tf, input) : input;
        const branch = norm(tf.conv2d(tf.relu(seen), asNarrowAs(tf, one, seen), 1, "same"));
        const sum = tf.add<Tensor4D>(
          tf.conv2d(tf.relu(branch), asNarrowAs(tf, two, seen), 1, "same"),
          seen.clone(),
        );
        return widen(tf, sum).square().mean() as Scalar;
      };
    const exact = tf.grads(block(false) as never)([x, first, second]);
    const rounded = tf.grads(block(true) as never)([x, first, second]);
    for (const [at, gradient] of exact.entries()) {
      const off = gradient.sub(rounded[at]!).norm().dataSync()[0]! / gradient.norm().dataSync()[0]!;
      expect(off).toBeGreaterThan(0);
      expect(off).toBeLessThan(0.08);
    }
  });

  test.each([
    [3, 32, 3, 2],
    [32, 48, 3, 2],
    [48, 64, 3, 2],
    [48, 128, 1, 2],
    [48, 64, 3, 1],
    [64, 80, 3, 2],
    [80, 64, 3, 1],
  ])(
    "a convolution of %i to %i channels, %i wide, stride %i, is that of float32 but for roundings",
    (channels, filters, size, stride) => {
      const x = tf.randomNormal([4, 16, 16, channels], 0, 1, "float32", 1) as Tensor4D;
      const kernel = tf.randomNormal([size, size, channels, filters], 0, 0.1, "float32", 2) as Tensor4D;
      const layer =
        (isNarrow: boolean) =>
        (...args: unknown[]) => {
          const [input, weights] = args as [Tensor4D, Tensor4D];
          const seen = isNarrow ? narrow(tf, input) : input;
          const convolved = convolveLike(tf, seen, weights, (from, by) =>
            tf.conv2d(from, by, stride, "same"),
          );
          return widen(tf, convolved);
        };
      const exact = layer(false)(x, kernel);
      const along = tf.randomNormal(exact.shape, 0, 1, "float32", 3);
      const pairs = [
        [exact, layer(true)(x, kernel)],
        ...[false, true]
          .map((isNarrow) => tf.grads(layer(isNarrow) as never)([x, kernel], along as never))
          .reduce<Tensor[][]>((of, gradients) => gradients.map((one, at) => [...(of[at] ?? []), one]), []),
      ];
      for (const [wide, thin] of pairs) {
        const off = wide!.sub(thin!).norm().dataSync()[0]! / wide!.norm().dataSync()[0]!;
        expect(off).toBeGreaterThan(0);
        expect(off).toBeLessThan(0.01);
      }
    },
  );
});
