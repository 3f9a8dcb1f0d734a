import { EddiError } from "#shared/errors";
import { IMAGE_CODECS, type ImageCodec } from "#shared/model";
import type { ImageSize } from "#shared/profile";
import { stripProfile } from "./strip-profile.ts";

/**
 * The file of an image of the model's size, by the browser's own encoder, without a colour profile.
 *
 * @param values  float32 [height, width, channels], of 1 or 3 channels
 * @param range   float value of pixel 0 and of pixel 255; what lies outside is cut off
 * @param quality 1..100
 * @throws EddiError `unavailable` when this browser cannot write the format
 */
export async function encodeImageFile(
  values: Float32Array,
  { height, width, channels }: ImageSize,
  [low, high]: readonly [number, number],
  codec: ImageCodec,
  quality: number,
): Promise<Uint8Array> {
  const pixels = new Uint8ClampedArray(4 * width * height).fill(255);
  const scale = 255 / (high - low);
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      // Grey is the same in all three. Clamped arrays round to the nearest.
      const value = values[pixel * channels + Math.min(channel, channels - 1)]!;
      pixels[4 * pixel + channel] = (value - low) * scale;
    }
  }
  return encodePixels(new ImageData(pixels, width, height), codec, quality);
}

/** Those that this browser can write; it makes a PNG of what it does not know. */
export async function supportedImageCodecs(): Promise<readonly ImageCodec[]> {
  const tried = await Promise.all(
    IMAGE_CODECS.map((codec) =>
      encodePixels(new ImageData(1, 1), codec, 50).then(
        () => codec,
        () => null,
      ),
    ),
  );
  return tried.filter((codec) => codec !== null);
}

async function encodePixels(image: ImageData, codec: ImageCodec, quality: number): Promise<Uint8Array> {
  const canvas = new OffscreenCanvas(image.width, image.height);
  canvas.getContext("2d", { alpha: false })?.putImageData(image, 0, 0);
  const type = `image/${codec}`;
  const file = await canvas.convertToBlob({ type, quality: quality / 100 });
  if (file.type === type) return stripProfile(new Uint8Array(await file.arrayBuffer()), codec);
  throw new EddiError("unavailable", `expected a browser that writes ${type}, got ${file.type}`);
}
