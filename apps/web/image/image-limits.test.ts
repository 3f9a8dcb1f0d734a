import { expect, test } from "vitest";
import { checkImageFile, IMAGE_LIMITS, wholePixels } from "./image-limits.ts";

const phone = { memoryGb: 4, hasDecoder: true };

function png(width: number, height: number): Blob {
  const header = new Uint8Array(33);
  header.set([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52]);
  new DataView(header.buffer).setUint32(16, width);
  new DataView(header.buffer).setUint32(20, height);
  return new Blob([header]);
}

/** @param frame 0xc0: baseline; 0xc2: progressive */
function jpeg(width: number, height: number, frame = 0xc0): Blob {
  const bytes = [0xff, 0xd8, 0xff, frame, 0, 17, 8, height >> 8, height & 255, width >> 8, width & 255, 3];
  return new Blob([Uint8Array.from(bytes)]);
}

test("photos of 200 megapixels pass where they are decoded at a reduced size, on any phone", async () => {
  for (const memoryGb of [undefined, 0.5, 2, 4, 8]) {
    for (const [width, height] of [
      [16_320, 12_240],
      [16_384, 12_288],
      [20_000, 10_000],
    ] as const) {
      const passed = checkImageFile(jpeg(width, height), { memoryGb, hasDecoder: true });
      expect(await passed).toMatchObject({ format: "JPEG", width, height });
    }
  }
});

test("what is decoded whole must fit the device: 50 megapixels everywhere, more where there is memory", async () => {
  for (const memoryGb of [undefined, 0.25, 1, 2])
    expect(wholePixels({ memoryGb, hasDecoder: true })).toBeGreaterThanOrEqual(50e6);
  expect(wholePixels({ memoryGb: 32, hasDecoder: true })).toBe(IMAGE_LIMITS.maxPixels);
  expect(await checkImageFile(png(10_000, 10_000), { ...phone, memoryGb: 8 })).toMatchObject({
    format: "PNG",
  });
  const tooLarge = [
    checkImageFile(png(10_000, 20_000), phone),
    checkImageFile(jpeg(16_320, 12_240), { ...phone, hasDecoder: false }),
    // All of it is kept until the last byte is there.
    checkImageFile(jpeg(16_320, 12_240, 0xc2), phone),
  ];
  for (const check of tooLarge) {
    await expect(check).rejects.toMatchObject({
      code: "too-large",
      message: expect.stringMatching(
        /^image: expected at most 134 megapixels of such a file on this device, got \d+ x \d+$/,
      ),
    });
  }
});

test("400 megapixels are refused by the header, with the size in the message", async () => {
  for (const file of [png(20_000, 20_000), jpeg(20_000, 20_000)]) {
    await expect(checkImageFile(file, { ...phone, memoryGb: 32 })).rejects.toMatchObject({
      code: "too-large",
      message: "image: expected at most 200 megapixels, got 20000 x 20000",
    });
  }
});

test("whether it is a picture is for the browser to say: what is not known passes", async () => {
  expect(await checkImageFile(new Blob(["hello"], { type: "text/plain" }), phone)).toBeNull();
  expect(await checkImageFile(new Blob([]), phone)).toBeNull();
  const drawing = new Blob(["<svg xmlns='http://www.w3.org/2000/svg' width='1e6' height='1e6'/>"]);
  expect(await checkImageFile(drawing, phone)).toEqual({ format: "SVG" });
});
