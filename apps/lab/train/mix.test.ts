import { beforeAll, describe, expect, test } from "vitest";
import { randomFor } from "#shared/random";
import { findNativeTf, type Tf } from "../engine/native.ts";
import { mixed } from "./mix.ts";

const native = findNativeTf();

describe.skipIf(!native)("mixed batches (need @tensorflow/tfjs-node)", () => {
  const tf = native as Tf;
  // Photo i is i everywhere, and its target is row i of the identity.
  const examples = () => ({
    images: tf.stack(
      [0, 1, 2, 3].map((value) => tf.fill([16, 16, 3], value)),
    ) as import("@tensorflow/tfjs").Tensor4D,
    wanted: tf.eye(4),
  });
  let mixes: readonly { readonly images: number[][][][]; readonly wanted: number[][] }[] = [];
  beforeAll(() => {
    mixes = Array.from({ length: 40 }, (_, seed) => {
      const { images, wanted } = mixed(tf, examples(), randomFor(seed));
      return { images: images.arraySync(), wanted: wanted.arraySync() };
    });
  });

  test("targets are mixed by the share of the pixels", () => {
    for (const { images, wanted } of mixes) {
      for (const [at, image] of images.entries()) {
        const mean = image.flat(2).reduce((sum, value) => sum + value, 0) / (16 * 16 * 3);
        const own = wanted[at]![at]!;
        expect(wanted[at]![3 - at]).toBeCloseTo(1 - own, 5);
        expect(mean).toBeCloseTo(at * own + (3 - at) * (1 - own), 4);
      }
    }
  });

  test("some mix every pixel, some cut a rectangle out", () => {
    const values = mixes.map(
      ({ images }) => new Set(images[0]!.flat(2).map((value) => value.toFixed(4))).size,
    );
    expect(values.filter((distinct) => distinct === 2).length).toBeGreaterThan(5);
    expect(values.filter((distinct) => distinct === 1).length).toBeGreaterThan(5);
    expect(Math.max(...values)).toBe(2);
  });

  test("the same stream mixes the same way", () => {
    const again = mixed(tf, examples(), randomFor(3));
    expect(again.images.arraySync()).toEqual(mixes[3]!.images);
  });
});
