import { EddiError, toEddiError } from "#shared/errors";
import type { RasterHeader } from "./image-header.ts";
import { isReducible, LARGE_PIXELS, thisDevice } from "./image-limits.ts";

/** The shorter and the longer side of what is left of a large picture: more than any model reads. */
const REDUCED = { shorter: 1024, longer: 8192 } as const;

/**
 * A picture's pixels, turned as it says and in sRGB; of a large one at a reduced size.
 *
 * @throws EddiError `bad-image` when this browser cannot decode it, or not as a whole
 */
export async function decodeFile(file: Blob, header: RasterHeader): Promise<ImageBitmap> {
  try {
    if (header.width * header.height <= LARGE_PIXELS) return await createImageBitmap(file);
    return (await decodeReduced(file, header)) ?? (await decodeAndReduce(file, header));
  } catch (cause) {
    const { message } = toEddiError(cause);
    const expected = `expected a ${header.format} image that can be decoded`;
    throw new EddiError("bad-image", `${expected}, got: ${message}`, { cause });
  }
}

/** By libjpeg's own scaling: 200 megapixels take 50 MB so, and 1 GB otherwise. Null where that cannot be. */
async function decodeReduced(file: Blob, header: RasterHeader): Promise<ImageBitmap | null> {
  if (!isReducible(header, thisDevice())) return null;
  const { width, height } = header;
  const eighths = Math.min(8, Math.ceil((8 * REDUCED.shorter) / Math.min(width, height)));
  const decoder = new ImageDecoder({
    type: "image/jpeg",
    data: await file.arrayBuffer(),
    desiredWidth: Math.ceil((width * eighths) / 8),
    desiredHeight: Math.ceil((height * eighths) / 8),
  });
  try {
    const { image } = await decoder.decode();
    try {
      // Drawn, it is turned as it says; as a bitmap it would not be.
      return drawReduced(image, image.displayWidth, image.displayHeight);
    } finally {
      image.close();
    }
  } catch {
    return null; // What it cannot do the browser may know another way for.
  } finally {
    decoder.close();
  }
}

/** Some browsers scale while they decode. */
async function decodeAndReduce(file: Blob, { width, height }: RasterHeader): Promise<ImageBitmap> {
  const [shorter, longer] = [Math.min(width, height), Math.max(width, height)];
  // It may be turned, and the other side then be its width: with sides of alike lengths that matters little.
  const isAlike = longer <= 2 * shorter;
  const whole = await createImageBitmap(
    file,
    isAlike ? { resizeWidth: Math.ceil((longer * REDUCED.shorter) / shorter), resizeQuality: "high" } : {},
  );
  try {
    return drawReduced(whole, whole.width, whole.height);
  } finally {
    whole.close();
  }
}

/** A picture drawn no larger than need be; what is transparent stays so. */
export function drawReduced(picture: CanvasImageSource, width: number, height: number): ImageBitmap {
  const { shorter, longer } = REDUCED;
  const scale = Math.min(1, shorter / Math.min(width, height), longer / Math.max(width, height));
  const side = (length: number): number => Math.max(1, Math.round(scale * length));
  const canvas = new OffscreenCanvas(side(width), side(height));
  const context = canvas.getContext("2d");
  if (context === null) throw new EddiError("internal", "expected a 2D canvas, got none");
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return canvas.transferToImageBitmap();
}
