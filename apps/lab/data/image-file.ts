import sharp, { type Sharp } from "sharp";
import type { ImageCodecName } from "#shared/codecs";
import type { ImageSize } from "#shared/profile";

/**
 * The file of an image as Chromium's canvas writes it: the same libraries, chroma at half its size, WebP by the
 * middle effort that Skia asks for.
 *
 * @param pixels  0..255, interleaved: uint8 [height, width, channels]
 * @param quality 1..100
 */
export async function encodeImageFile(
  pixels: Uint8Array,
  { height, width, channels }: ImageSize,
  codec: ImageCodecName,
  quality: number,
): Promise<Uint8Array> {
  const image = sharp(pixels, { raw: { width, height, channels: channels as 1 | 3 } });
  return WRITE[codec](image, quality).toBuffer();
}

const WRITE: Readonly<Record<ImageCodecName, (image: Sharp, quality: number) => Sharp>> = {
  jpeg: (image, quality) => image.jpeg({ quality, chromaSubsampling: "4:2:0" }),
  webp: (image, quality) => image.webp({ quality, effort: 3 }),
};

/** @returns the pixels, 0..255, interleaved, as the service decodes them */
export async function decodeImageFile(file: Uint8Array, channels: number): Promise<Uint8Array> {
  const image = sharp(file, { ignoreIcc: true }).removeAlpha();
  return image
    .toColourspace(channels === 1 ? "b-w" : "srgb")
    .raw()
    .toBuffer();
}
