import { FileBytes, tagAt } from "./file-bytes.ts";
import { boxAt, type ImageHeader } from "./image-header.ts";
import { END_OF_IMAGE, isFrame, markers } from "./jpeg-markers.ts";

/**
 * Whether a picture's file goes on to where its format says that it ends. Browsers show of others what is there, and
 * tell nobody that there should be more.
 */
export async function isWhole(file: Blob, { format }: ImageHeader): Promise<boolean> {
  try {
    return await ENDS[format](new FileBytes(file));
  } catch (thrown) {
    if (thrown instanceof RangeError) return false;
    throw thrown;
  }
}

type End = (bytes: FileBytes) => Promise<boolean>;

/** Many cameras put more behind the end, so that it has to be looked for. */
const jpeg: End = async (bytes) => {
  let hasFrame = false;
  for await (const { code } of markers(bytes)) {
    hasFrame ||= isFrame(code);
    if (code === END_OF_IMAGE && hasFrame) return true;
  }
  return false;
};

const png: End = async (bytes) => {
  for (let at = 8; ; ) {
    const view = await bytes.at(at, 8);
    at += 12 + view.getUint32(0);
    if (tagAt(view, 4) === "IEND") return at <= bytes.size;
  }
};

const gif: End = async (bytes) => {
  const flags = (await bytes.at(10, 1)).getUint8(0);
  let at = 13 + tableBytes(flags);
  const skipBlocks = async (): Promise<void> => {
    for (let length = -1; length !== 0; at += 1 + length) length = (await bytes.at(at, 1)).getUint8(0);
  };
  for (;;) {
    const kind = (await bytes.at(at, 1)).getUint8(0);
    if (kind === 0x3b) return true;
    // Browsers take anything else that is no block for the end.
    if (kind !== 0x21 && kind !== 0x2c) return true;
    at += kind === 0x21 ? 2 : 11 + tableBytes((await bytes.at(at + 9, 1)).getUint8(0));
    await skipBlocks();
  }
};

/** Of a colour table, by the flags that tell of it. */
function tableBytes(flags: number): number {
  return flags & 0x80 ? 3 << ((flags & 7) + 1) : 0;
}

const webp: End = async (bytes) => 8 + (await bytes.at(4, 4)).getUint32(0, true) <= bytes.size;

const bmp: End = async (bytes) => {
  const view = await bytes.at(0, Math.min(54, bytes.size));
  const [offset, isShort] = [view.getUint32(10, true), view.getUint32(14, true) === 12];
  const [width, height, bits] = isShort
    ? [view.getUint16(18, true), view.getUint16(20, true), view.getUint16(24, true)]
    : [view.getInt32(18, true), Math.abs(view.getInt32(22, true)), view.getUint16(28, true)];
  // Runs of pixels are as long as they say; the others are rows of whole words.
  const isRuns = !isShort && [1, 2, 4, 5].includes(view.getUint32(30, true));
  const pixelBytes = isRuns ? view.getUint32(34, true) : Math.ceil((width * bits) / 32) * 4 * height;
  return offset + pixelBytes <= bytes.size;
};

const ico: End = async (bytes) => {
  const count = (await bytes.at(4, 2)).getUint16(0, true);
  const entries = await bytes.at(6, 16 * count);
  for (let at = 0; at < 16 * count; at += 16) {
    if (entries.getUint32(at + 8, true) + entries.getUint32(at + 12, true) > bytes.size) return false;
  }
  return true;
};

const isoMedia: End = async (bytes) => {
  let at = 0;
  while (at < bytes.size) at = (await boxAt(bytes, at)).end;
  return at === bytes.size;
};

const ENDS: Readonly<Record<ImageHeader["format"], End>> = {
  JPEG: jpeg,
  PNG: png,
  GIF: gif,
  WebP: webp,
  BMP: bmp,
  ICO: ico,
  AVIF: isoMedia,
  HEIC: isoMedia,
  // A text that breaks off is no SVG to a browser.
  SVG: async () => true,
};
