import { FileBytes, tagAt } from "./file-bytes.ts";
import { isFrame, isProgressive, markers } from "./jpeg-markers.ts";

export type RasterFormat = "PNG" | "JPEG" | "GIF" | "WebP" | "BMP" | "ICO" | "AVIF" | "HEIC";

/** What the first bytes of a picture tell, without decoding any of it. */
export type ImageHeader = RasterHeader | { readonly format: "SVG" };

export interface RasterHeader {
  readonly format: RasterFormat;
  /** As stored: a photo may say besides that it is to be turned. */
  readonly width: number;
  readonly height: number;
  /** Only JPEGs are: all of it has to be kept until the last byte is there. */
  readonly isProgressive: boolean;
}

/**
 * Format and size of a picture, read as far into the file as they stand. Null when it is none that we know: that says
 * nothing of the browser, which may know more formats, and show what is damaged.
 */
export async function readImageHeader(file: Blob): Promise<ImageHeader | null> {
  const bytes = new FileBytes(file);
  for (const read of readers) {
    const header = await read(bytes).catch((thrown: unknown) => {
      if (thrown instanceof RangeError) return null; // Cut off within the header.
      throw thrown;
    });
    if (header !== null && header.width > 0 && header.height > 0) {
      return { isProgressive: false, ...header };
    }
  }
  return (await isSvg(file)) ? { format: "SVG" } : null;
}

type Reader = (bytes: FileBytes) => Promise<Sized | null>;
type Sized = Omit<RasterHeader, "isProgressive"> & { readonly isProgressive?: boolean };

const png: Reader = async (bytes) => {
  const view = await bytes.at(0, 24);
  return tagAt(view, 0) === "\x89PNG" && tagAt(view, 12) === "IHDR"
    ? { format: "PNG", width: view.getUint32(16), height: view.getUint32(20) }
    : null;
};

const gif: Reader = async (bytes) => {
  const view = await bytes.at(0, 10);
  return tagAt(view, 0) === "GIF8"
    ? { format: "GIF", width: view.getUint16(6, true), height: view.getUint16(8, true) }
    : null;
};

/** With Windows' header, or the short one of OS/2. */
const bmp: Reader = async (bytes) => {
  const view = await bytes.at(0, 26);
  if (!tagAt(view, 0).startsWith("BM")) return null;
  const [width, height] =
    view.getUint32(14, true) === 12
      ? [view.getUint16(18, true), view.getUint16(20, true)]
      : [view.getInt32(18, true), Math.abs(view.getInt32(22, true))];
  return { format: "BMP", width, height };
};

/** Icons and cursors hold several pictures; browsers show the largest. */
const ico: Reader = async (bytes) => {
  const head = await bytes.at(0, 6);
  const [type, count] = [head.getUint16(2, true), head.getUint16(4, true)];
  if (head.getUint16(0, true) !== 0 || (type !== 1 && type !== 2) || count === 0) return null;
  const entries = await bytes.at(6, 16 * count);
  let largest: Sized | null = null;
  for (let at = 0; at < 16 * count; at += 16) {
    // 0 stands for 256.
    const size = { width: entries.getUint8(at) || 256, height: entries.getUint8(at + 1) || 256 };
    const isLarger = largest === null || size.width * size.height > largest.width * largest.height;
    if (isLarger) largest = { format: "ICO", ...size };
  }
  return largest;
};

/** The three layouts of https://developers.google.com/speed/webp/docs/riff_container. */
const webp: Reader = async (bytes) => {
  const view = await bytes.at(0, 30);
  if (tagAt(view, 0) !== "RIFF" || tagAt(view, 8) !== "WEBP") return null;
  const size = (width: number, height: number): Sized => ({ format: "WebP", width, height });
  if (tagAt(view, 12) === "VP8 ") {
    return size(view.getUint16(26, true) & 0x3fff, view.getUint16(28, true) & 0x3fff);
  }
  if (tagAt(view, 12) === "VP8L") {
    const bits = view.getUint32(21, true);
    return size((bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1);
  }
  const uint24 = (at: number): number => view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
  return size(uint24(24) + 1, uint24(27) + 1);
};

/** The frame may stand behind any number of metadata, previews and profiles. */
const jpeg: Reader = async (bytes) => {
  if ((await bytes.at(0, 2)).getUint16(0) !== 0xffd8) return null;
  for await (const { code, at } of markers(bytes)) {
    if (!isFrame(code)) continue;
    const view = await bytes.at(at, 7);
    const size = { width: view.getUint16(5), height: view.getUint16(3) };
    return { format: "JPEG", ...size, isProgressive: isProgressive(code) };
  }
  return null;
};

const AVIF_BRANDS = ["avif", "avis"];
const HEIC_BRANDS = ["heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs", "mif1", "msf1"];

/** An ISO media file (AVIF, HEIC): the size stands in the largest `ispe` box of its `meta` box, wherever that is. */
const isoMedia: Reader = async (bytes) => {
  const head = await bytes.at(0, 12);
  if (tagAt(head, 4) !== "ftyp") return null;
  const ftyp = await bytes.at(0, Math.min(head.getUint32(0), 1024));
  const brands: string[] = [];
  for (let at = 8; at + 4 <= ftyp.byteLength; at += 4) if (at !== 12) brands.push(tagAt(ftyp, at));
  const has = (known: readonly string[]): boolean => brands.some((brand) => known.includes(brand));
  const format = has(AVIF_BRANDS) ? "AVIF" : has(HEIC_BRANDS) ? "HEIC" : null;
  if (format === null) return null;
  for (let at = 0; at + 8 <= bytes.size; ) {
    const box = await boxAt(bytes, at);
    if (box.type === "meta")
      return largestSize(format, await bytes.at(at, Math.min(box.end, bytes.size) - at));
    at = box.end;
  }
  return null;
};

/** A box of an ISO media file (ISO/IEC 14496-12, 4.2). */
export async function boxAt(
  bytes: FileBytes,
  at: number,
): Promise<{ readonly type: string; readonly end: number }> {
  const view = await bytes.at(at, 8);
  const [size, type] = [view.getUint32(0), tagAt(view, 4)];
  if (size === 0) return { type, end: bytes.size };
  if (size !== 1) return { type, end: at + Math.max(size, 8) };
  return { type, end: at + Math.max(Number((await bytes.at(at + 8, 8)).getBigUint64(0)), 16) };
}

function largestSize(format: "AVIF" | "HEIC", meta: DataView): Sized | null {
  let largest: Sized | null = null;
  for (let at = 8; at + 16 <= meta.byteLength; at++) {
    if (meta.getUint32(at) !== 0x69737065) continue;
    const [width, height] = [meta.getUint32(at + 8), meta.getUint32(at + 12)];
    if (largest === null || width * height > largest.width * largest.height)
      largest = { format, width, height };
  }
  return largest;
}

const readers: readonly Reader[] = [png, jpeg, webp, gif, bmp, ico, isoMedia];

/** Of the text before the root element so much is read. */
const PROLOG_BYTES = 256 << 10;
/** What may stand there: white space, a declaration, comments, instructions, a document type with its own entities. */
const PROLOG = /\s+|<\?[^>]*\?>|<!--[\s\S]*?-->|<!DOCTYPE[^>[]*(?:\[[\s\S]*?\]\s*)?>/y;
const ROOT = /<(?:[\w.-]+:)?svg[\s/>]/y;

async function isSvg(file: Blob): Promise<boolean> {
  const text = await file.slice(0, PROLOG_BYTES).text(); // Without a byte order mark.
  let at = 0;
  for (PROLOG.lastIndex = 0; PROLOG.test(text); PROLOG.lastIndex = at) at = PROLOG.lastIndex;
  ROOT.lastIndex = at;
  return ROOT.test(text);
}
