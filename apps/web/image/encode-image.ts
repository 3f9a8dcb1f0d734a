import { IMAGE_CODECS, type ImageCodecName, imageCodec } from "#shared/codecs";
import { EddiError } from "#shared/errors";
import type { ImageSize } from "#shared/profile";
import { stripProfile } from "./strip-profile.ts";

/**
 * The file of a canvas, opaque and of the model's size, by the browser's own encoder, without a colour profile.
 *
 * @param quality 1..100
 * @throws EddiError `unavailable` when this browser cannot write the format
 */
export async function encodeCanvas(
  canvas: OffscreenCanvas,
  codec: ImageCodecName,
  quality: number,
): Promise<Uint8Array> {
  const type = imageCodec(codec).mediaType;
  const file = await canvas.convertToBlob({ type, quality: quality / 100 });
  if (file.type === type) return stripProfile(new Uint8Array(await file.arrayBuffer()), codec);
  throw new EddiError("unavailable", `expected a browser that writes ${type}, got ${file.type}`);
}

/**
 * As `encodeCanvas`, of values.
 *
 * @param values  float32 [height, width, channels], of 1 or 3 channels
 * @param range   float value of pixel 0 and of pixel 255; what lies outside is cut off
 * @param quality 1..100
 * @throws EddiError `unavailable` when this browser cannot write the format
 */
export async function encodeImageFile(
  values: Float32Array,
  size: ImageSize,
  range: readonly [number, number],
  codec: ImageCodecName,
  quality: number,
): Promise<Uint8Array> {
  return encodeCanvas(canvasOf(toPixels(values, size, range)), codec, quality);
}

/** Values, as `encodeImageFile` takes them, as colours. */
export function toPixels(
  values: Float32Array,
  { height, width, channels }: ImageSize,
  [low, high]: readonly [number, number],
): ImageData {
  const pixels = new Uint8ClampedArray(4 * width * height).fill(255);
  const scale = 255 / (high - low);
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      // Grey is the same in all three. Clamped arrays round to the nearest.
      const value = values[pixel * channels + Math.min(channel, channels - 1)]!;
      pixels[4 * pixel + channel] = (value - low) * scale;
    }
  }
  return new ImageData(pixels, width, height);
}

/** Those that this browser can write; it makes a PNG of what it does not know. */
export async function supportedImageCodecs(): Promise<readonly ImageCodecName[]> {
  const tried = await Promise.all(
    IMAGE_CODECS.map((codec) =>
      encodeCanvas(canvasOf(new ImageData(1, 1)), codec, 50).then(
        () => codec,
        () => null,
      ),
    ),
  );
  return tried.filter((codec) => codec !== null);
}

export function canvasOf(image: ImageData): OffscreenCanvas {
  const canvas = new OffscreenCanvas(image.width, image.height);
  // Read back at once: it is better off without a GPU.
  canvas.getContext("2d", { alpha: false, willReadFrequently: true })?.putImageData(image, 0, 0);
  return canvas;
}
