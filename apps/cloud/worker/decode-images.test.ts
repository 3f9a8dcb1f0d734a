import sharp from "sharp";
import { expect, test } from "vitest";
import { IMAGE_CODECS } from "#shared/codecs";
import type { ModelInput, TensorInfo } from "#shared/model";
import { encodeImage } from "#shared/protocol";
import { decodeImages } from "./decode-images.ts";

const SIDE = 24;
const input: ModelInput = { node: "grey", height: SIDE, width: SIDE, channels: 1, range: [-1, 1] };
const info: TensorInfo = { shape: [SIDE, SIDE, 1], dtype: "float32", range: [-1, 1] };
/** Smooth, so that no codec changes it much. */
const pixels = Uint8Array.from(
  { length: SIDE * SIDE },
  (_, at) => 5 * (at % SIDE) + 4 * Math.floor(at / SIDE),
);

test.each(IMAGE_CODECS)("a %s for a model of grey images gives one value a pixel", async (codec) => {
  // As the page writes it: the same value in all three colours.
  const colours = Uint8Array.from({ length: 3 * pixels.length }, (_, at) => pixels[Math.floor(at / 3)]!);
  const raw = { width: SIDE, height: SIDE, channels: 3 } as const;
  const file = await sharp(colours, { raw }).toFormat(codec, { quality: 95 }).toBuffer();
  const { tensor, parameters } = encodeImage("grey", codec, file);
  const { shape, values } = await decodeImages(tensor, input, info, parameters);
  expect(shape).toEqual([1, SIDE, SIDE, 1]);
  expect(values).toHaveLength(pixels.length);
  values.forEach((value, at) => {
    expect(Math.abs(value - (pixels[at]! / 127.5 - 1))).toBeLessThan(8 / 127.5);
  });
});
