import sharp from "sharp";
import type { ImageCodec } from "#shared/model";
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
  codec: ImageCodec,
  quality: number,
): Promise<Uint8Array> {
  const image = sharp(pixels, { raw: { width, height, channels: channels as 1 | 3 } });
  return codec === "jpeg"
    ? image.jpeg({ quality, chromaSubsampling: "4:2:0" }).toBuffer()
    : image.webp({ quality, effort: 3 }).toBuffer();
}

/** @returns the pixels, 0..255, interleaved, as the service decodes them */
export async function decodeImageFile(file: Uint8Array, channels: number): Promise<Uint8Array> {
  const image = sharp(file, { ignoreIcc: true }).removeAlpha();
  return image
    .toColourspace(channels === 1 ? "b-w" : "srgb")
    .raw()
    .toBuffer();
}
