import { describe, expect, test } from "vitest";
import { miniPhotos } from "../data/fixture.ts";
import { findNativeTf, type Tf } from "../engine/native.ts";
import { plainBatch, spread, targets, trainBatch } from "./batches.ts";

const native = findNativeTf();

describe.skipIf(!native)("batches (need @tensorflow/tfjs-node)", () => {
  const tf = native as Tf;
  const photos = miniPhotos(20, 40);
  const picked = Uint32Array.of(3, 11, 19);

  test("a plain batch scales pixels to -1..1", () => {
    const { images, labels } = plainBatch(tf, photos, picked, 40);
    const expected = [...photos.pixels.subarray(3 * 4800, 3 * 4800 + 30)].map((value) => value / 127.5 - 1);
    expect([...images.flatten().slice(0, 30).dataSync()]).toEqual(
      expected.map((value) => expect.closeTo(value, 5)),
    );
    expect([...labels]).toEqual([3, 1, 9]);
    expect(plainBatch(tf, photos, picked, 32).images.shape).toEqual([3, 32, 32, 3]);
  });

  test("a view depends on seed, epoch and photo, not on its place in the batch", () => {
    const view = (photo: number, place: number, seed: number, epoch: number): number[] => {
      const batch = Uint32Array.from(picked);
      batch[place] = photo;
      const { images } = trainBatch(tf, photos, batch, { size: 24, leastCrop: 0.4 }, { seed, epoch });
      return [...images.slice([place, 0, 0, 0], [1, -1, -1, -1]).dataSync()];
    };
    expect(view(7, 0, 1, 2)).toEqual(view(7, 2, 1, 2));
    expect(view(7, 0, 1, 2)).not.toEqual(view(7, 0, 1, 3));
    expect(view(7, 0, 1, 2)).not.toEqual(view(7, 0, 2, 2));
  });

  test("smoothed targets sum to one", () => {
    const wanted = targets(tf, Int32Array.of(2), 4, 0.1);
    expect([...wanted.dataSync()]).toEqual(
      [0.025, 0.025, 0.925, 0.025].map((value) => expect.closeTo(value, 6)),
    );
  });

  test("a few photos are spread over all", () => {
    expect([...spread(10, 5)]).toEqual([0, 2, 4, 6, 8]);
    expect([...spread(3, 5)]).toEqual([0, 1, 2]);
  });
});
