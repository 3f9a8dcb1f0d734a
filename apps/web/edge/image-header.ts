import { EddiError } from "#shared/errors";

export interface ImageHeader {
  readonly format: "PNG" | "JPEG" | "GIF" | "WebP" | "BMP" | "AVIF";
  readonly width: number;
  readonly height: number;
}

export const IMAGE_LIMITS = { maxFileBytes: 64 << 20, maxPixels: 50e6 } as const;

/** Enough for the headers of all formats; a JPEG's size stands behind its thumbnail and profile. */
const HEADER_BYTES = 256 << 10;

/**
 * Refuses a file that is no image or too large before anything decodes it: a picture of 100 megapixels
 * takes 400 MB decoded, and kills the tab of a phone.
 *
 * @throws EddiError `bad-image` or `too-large`, saying what was expected and what came
 */
export async function checkImageFile(file: Blob): Promise<ImageHeader> {
  if (file.size > IMAGE_LIMITS.maxFileBytes) {
    const came = `${(file.size / 2 ** 20).toFixed(1)} MB`;
    throw new EddiError("too-large", `image file: expected at most 64 MB, got ${came}`);
  }
  const header = readImageHeader(new Uint8Array(await file.slice(0, HEADER_BYTES).arrayBuffer()));
  if (header === null) {
    const came = file.size === 0 ? "an empty file" : file.type || "something else";
    throw new EddiError("bad-image", `expected a PNG, JPEG, WebP, GIF, BMP or AVIF image, got ${came}`);
  }
  if (header.width * header.height > IMAGE_LIMITS.maxPixels) {
    const came = `${header.width} x ${header.height}`;
    throw new EddiError("too-large", `image: expected at most 50 megapixels, got ${came}`);
  }
  return header;
}

/** Format and size, as the file's first bytes tell them; null when they are no image we know. */
export function readImageHeader(bytes: Uint8Array): ImageHeader | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    const header = readers.map((read) => read(view)).find((found) => found !== null) ?? null;
    return header !== null && header.width > 0 && header.height > 0 ? header : null;
  } catch (thrown) {
    if (thrown instanceof RangeError) return null; // Cut off within the header.
    throw thrown;
  }
}

type Reader = (view: DataView) => ImageHeader | null;

const png: Reader = (view) =>
  tag(view, 0) === "\x89PNG"
    ? { format: "PNG", width: view.getUint32(16), height: view.getUint32(20) }
    : null;

const gif: Reader = (view) =>
  tag(view, 0) === "GIF8"
    ? { format: "GIF", width: view.getUint16(6, true), height: view.getUint16(8, true) }
    : null;

const bmp: Reader = (view) =>
  tag(view, 0).startsWith("BM") && view.getUint32(14, true) >= 40
    ? { format: "BMP", width: view.getInt32(18, true), height: Math.abs(view.getInt32(22, true)) }
    : null;

/** The three layouts of https://developers.google.com/speed/webp/docs/riff_container. */
const webp: Reader = (view) => {
  if (tag(view, 0) !== "RIFF" || tag(view, 8) !== "WEBP") return null;
  const size = (width: number, height: number): ImageHeader => ({ format: "WebP", width, height });
  if (tag(view, 12) === "VP8 ") {
    return size(view.getUint16(26, true) & 0x3fff, view.getUint16(28, true) & 0x3fff);
  }
  if (tag(view, 12) === "VP8L") {
    const bits = view.getUint32(21, true);
    return size((bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1);
  }
  const uint24 = (at: number): number => view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
  return size(uint24(24) + 1, uint24(27) + 1);
};

/** Walks the segments up to the frame header (SOF0..SOF15 but DHT, JPG and DAC). */
const jpeg: Reader = (view) => {
  if (view.byteLength < 4 || view.getUint16(0) !== 0xffd8) return null;
  for (let at = 2; ; ) {
    if (view.getUint8(at) !== 0xff) return null;
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) {
      at += 1; // Padding.
    } else if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      return { format: "JPEG", width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    } else {
      at += 2 + view.getUint16(at + 2);
    }
  }
};

/** An ISO media file (AVIF, HEIC): the size stands in the largest `ispe` box. */
const avif: Reader = (view) => {
  if (tag(view, 4) !== "ftyp") return null;
  let largest: ImageHeader | null = null;
  for (let at = 8; at + 16 <= view.byteLength; at++) {
    if (view.getUint32(at) !== 0x69737065) continue;
    const [width, height] = [view.getUint32(at + 8), view.getUint32(at + 12)];
    if (largest === null || width * height > largest.width * largest.height) {
      largest = { format: "AVIF", width, height };
    }
  }
  return largest;
};

const readers: readonly Reader[] = [png, jpeg, webp, gif, bmp, avif];

function tag(view: DataView, at: number): string {
  return String.fromCharCode(...[0, 1, 2, 3].map((offset) => view.getUint8(at + offset)));
}
