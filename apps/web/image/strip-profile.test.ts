import sharp from "sharp";
import { expect, test } from "vitest";
import { randomFrom } from "#shared/random";
import { stripProfile } from "./strip-profile.ts";

const random = randomFrom(7);
const pixels = Uint8Array.from(
  { length: 33 * 27 * 3 },
  (_, at) => 128 + 90 * Math.sin(at / 50) + 30 * random(),
);
const image = () => sharp(pixels, { raw: { width: 33, height: 27, channels: 3 } });
const decoded = (file: Uint8Array) => sharp(file, { ignoreIcc: true }).raw().toBuffer();

test.each(["jpeg", "webp"] as const)(
  "a %s file loses its profile and nothing else, whatever its length",
  async (codec) => {
    for (const quality of [20, 50, 51, 52, 80]) {
      const plain = await image().toFormat(codec, { quality }).toBuffer();
      const file = await image().toFormat(codec, { quality }).withIccProfile("srgb").toBuffer();
      expect((await sharp(file).metadata()).icc).toBeDefined();
      const stripped = stripProfile(file, codec);
      expect((await sharp(stripped).metadata()).icc).toBeUndefined();
      expect(stripped.length).toBe(plain.length);
      expect(await decoded(stripped)).toEqual(await decoded(plain));
      // Without a profile there is nothing to do.
      expect(stripProfile(plain, codec)).toEqual(new Uint8Array(plain));
    }
  },
);

test("what is not as expected stays as it is", async () => {
  const clear = await image().ensureAlpha(0.5).webp().withIccProfile("srgb").toBuffer();
  expect(stripProfile(clear, "webp")).toBe(clear);
  const lossless = await image().webp({ lossless: true }).toBuffer();
  expect(stripProfile(lossless, "webp")).toBe(lossless);
  const jpeg = await image().jpeg().toBuffer();
  for (const file of [new Uint8Array(0), new Uint8Array(40), jpeg.subarray(0, 9), jpeg.subarray(0, 100)]) {
    expect(stripProfile(file, "jpeg")).toBe(file);
    expect(stripProfile(file, "webp")).toBe(file);
  }
});
