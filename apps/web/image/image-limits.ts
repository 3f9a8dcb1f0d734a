import { EddiError } from "#shared/errors";
import { type ImageHeader, type RasterHeader, readImageHeader } from "./image-header.ts";

/** 200 megapixels as cameras have them. */
export const IMAGE_LIMITS = { maxFileBytes: 256 << 20, maxPixels: 16_384 * 12_288 } as const;

/** Decoded whole, larger pictures are a burden to a phone: they are decoded at a reduced size where that can be. */
export const LARGE_PIXELS = 25e6;

/** What a decoder keeps of a pixel. */
const PIXEL_BYTES = 4;
/** Of the device's memory a picture may take so much, and everywhere this much. */
const MEMORY_SHARE = 1 / 8;
const LEAST_BYTES = 200e6;
/** Assumed where the browser does not tell. */
const USUAL_MEMORY_GB = 2;

/**
 * Refuses what would take too much memory before anything decodes it. Whether something is a picture at all is for
 * the browser to say.
 *
 * @returns what the file's first bytes tell; null when they are not known
 * @throws EddiError `too-large`, saying what was expected and what came
 */
export async function checkImageFile(file: Blob, device: Device = thisDevice()): Promise<ImageHeader | null> {
  if (file.size > IMAGE_LIMITS.maxFileBytes) {
    const came = `${(file.size / 2 ** 20).toFixed(1)} MB`;
    throw new EddiError("too-large", `image file: expected at most 256 MB, got ${came}`);
  }
  const header = await readImageHeader(file);
  if (header !== null && header.format !== "SVG") {
    const isReduced = isReducible(header, device) && !header.isProgressive;
    checkPixels(header, isReduced ? IMAGE_LIMITS.maxPixels : wholePixels(device));
  }
  return header;
}

/** What a device can do for large pictures. */
export interface Device {
  /** Gigabytes, as browsers round them; undefined where they do not tell. */
  readonly memoryGb: number | undefined;
  /** Whether it has WebCodecs, which decode JPEGs at a reduced size. */
  readonly hasDecoder: boolean;
}

export function thisDevice(): Device {
  const { deviceMemory } = navigator as Navigator & { readonly deviceMemory?: number };
  return { memoryGb: deviceMemory, hasDecoder: "ImageDecoder" in globalThis };
}

/** Whether it can be decoded at a reduced size, by eighths. Of a progressive one all is kept meanwhile. */
export function isReducible({ format }: RasterHeader, { hasDecoder }: Device): boolean {
  return format === "JPEG" && hasDecoder;
}

/** The most pixels of a picture that is decoded whole. */
export function wholePixels({ memoryGb = USUAL_MEMORY_GB }: Device): number {
  const bytes = Math.max(LEAST_BYTES, memoryGb * 2 ** 30 * MEMORY_SHARE);
  return Math.min(bytes / PIXEL_BYTES, IMAGE_LIMITS.maxPixels);
}

/** @throws EddiError `too-large` */
export function checkPixels(
  { width, height }: { readonly width: number; readonly height: number },
  most: number,
): void {
  if (width * height <= most) return;
  const isOurs = most === IMAGE_LIMITS.maxPixels;
  const megapixels = isOurs ? 200 : Math.floor(most / 1e6);
  const where = isOurs ? "" : " of such a file on this device";
  const came = `${width} x ${height}`;
  throw new EddiError("too-large", `image: expected at most ${megapixels} megapixels${where}, got ${came}`);
}
