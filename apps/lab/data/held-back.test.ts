import { expect, test } from "vitest";
import { miniPhotos } from "./fixture.ts";
import { holdBack, thinned } from "./held-back.ts";

test("five in a hundred photos are held back, the same each time, and no photo is lost or doubled", () => {
  const photos = miniPhotos(200, 4);
  const { kept, heldBack } = holdBack(photos);
  expect([kept.count, heldBack.count]).toEqual([190, 10]);
  expect(holdBack(photos)).toEqual({ kept, heldBack });
  const each = 4 * 4 * 3;
  const at = (photo: number) => [...photos.pixels.subarray(photo * each, (photo + 1) * each)];
  expect([...heldBack.pixels.subarray(0, each)]).toEqual(at(19));
  expect([...heldBack.pixels.subarray(9 * each)]).toEqual(at(199));
  expect([...kept.pixels.subarray(19 * each, 20 * each)]).toEqual(at(20));
  expect(kept.labels).toBeInstanceOf(Uint8Array);
  expect([...kept.labels, ...heldBack.labels].sort()).toEqual([...photos.labels].sort());
});

test("labels of many classes keep their 16 bits", () => {
  const photos = miniPhotos(40, 1);
  const many = { ...photos, labels: Uint16Array.from({ length: 40 }, (_, photo) => 300 + photo) };
  const { kept, heldBack } = holdBack(many);
  expect(heldBack.labels).toEqual(Uint16Array.of(319, 339));
  expect([kept.labels.length, kept.labels[19]]).toEqual([38, 320]);
});

test("photos are thinned evenly, each stays once", () => {
  const all = miniPhotos(40, 2);
  const some = thinned(all, 10);
  expect(some.count).toBe(10);
  expect([...some.labels]).toEqual([3, 7, 1, 5, 9, 3, 7, 1, 5, 9]);
  expect(some.pixels.subarray(12, 24)).toEqual(all.pixels.subarray(7 * 12, 8 * 12));
  expect(thinned(all, 41)).toBe(all);
});
