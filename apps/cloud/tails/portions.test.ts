import { expect, test } from "vitest";
import { joinElements, splitElements, type WireTensor } from "#shared/protocol";
import { joinImages, sliceImages, someImages } from "./portions.ts";

const IMAGES = 5;
const bytes = (count: number) => Uint8Array.from({ length: count }, (_, at) => at % 251);
const tensors: readonly WireTensor[] = [
  { name: "floats", datatype: "FP32", shape: [IMAGES, 2, 3], data: bytes(IMAGES * 24) },
  { name: "halves", datatype: "FP16", shape: [IMAGES, 3], data: bytes(IMAGES * 6) },
  { name: "packed", datatype: "UINT8", shape: [IMAGES, 7], data: bytes(IMAGES * 7) },
  {
    name: "files",
    datatype: "BYTES",
    shape: [IMAGES],
    data: joinElements(Array.from({ length: IMAGES }, (_, at) => bytes(3 * at))),
  },
];

test("all images are the tensors themselves, some are copies that a worker may be given", () => {
  expect(someImages(tensors, 0, IMAGES)).toEqual(tensors);
  for (const [at, tensor] of someImages(tensors, 0, IMAGES).entries()) expect(tensor).toBe(tensors[at]);
  for (const [at, { data }] of someImages(tensors, 1, 2).entries()) {
    expect(data.buffer).not.toBe(tensors[at]!.data.buffer);
    expect(data.byteLength).toBe(data.buffer.byteLength);
  }
});

test("parts of any size make up the whole, in order", () => {
  for (const sizes of [
    [1, 1, 1, 1, 1],
    [2, 3],
    [4, 1],
  ]) {
    let from = 0;
    const parts = sizes.map((images) => {
      const part = someImages(tensors, from, images);
      from += images;
      return part;
    });
    for (const [at, { name, datatype, shape, data }] of tensors.entries()) {
      const own = parts.map((part) => part[at]!);
      expect(own.map((part) => part.shape)).toEqual(sizes.map((images) => [images, ...shape.slice(1)]));
      if (datatype === "BYTES") {
        const files = own.flatMap((part) => splitElements(name, part.data, part.shape[0]!));
        expect(files).toEqual(splitElements(name, data, IMAGES));
      } else expect(Buffer.concat(own.map((part) => part.data))).toEqual(Buffer.from(data));
    }
  }
});

test("outputs are put together as they were cut", () => {
  const whole = { shape: [IMAGES, 4], values: Float32Array.from({ length: IMAGES * 4 }, (_, at) => at) };
  const parts = [sliceImages(whole, 0, 2), sliceImages(whole, 2, 1), sliceImages(whole, 3, 2)];
  expect(joinImages(parts)).toEqual(whole);
});
