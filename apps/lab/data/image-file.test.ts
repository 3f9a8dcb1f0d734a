import { expect, test } from "vitest";
import { IMAGE_CODECS, imageCodec } from "#shared/codecs";
import { imageSample } from "#shared/protocol";
import { decodeImageFile, encodeImageFile } from "./image-file.ts";

const SIDE = 40;

/** One suite for all: whoever adds an image codec teaches this file to write it. */
test.each(IMAGE_CODECS)(
  "%s is written and read, smaller and nearly as it was, in colour and in grey",
  async (codec) => {
    for (const channels of [1, 3]) {
      const pixels = imageSample(SIDE, channels);
      const size = { height: SIDE, width: SIDE, channels };
      const file = await encodeImageFile(pixels, size, codec, 90);
      expect(file.byteLength).toBeLessThan(pixels.byteLength);
      expect(Buffer.from(file.subarray(0, 12)).toString("latin1")).toMatch(imageCodec(codec).beginning);
      const back = await decodeImageFile(file, channels);
      expect(back).toHaveLength(pixels.length);
      const off = pixels.reduce((sum, value, at) => sum + Math.abs(value - back[at]!), 0) / pixels.length;
      expect(off).toBeLessThan(12);
      expect(off).toBeGreaterThan(0);
      const coarse = await encodeImageFile(pixels, size, codec, 20);
      expect(coarse.byteLength).toBeLessThan(file.byteLength);
    }
  },
);
