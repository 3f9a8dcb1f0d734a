import type { FileBytes } from "./file-bytes.ts";

/** What follows 0xff in a JPEG (ITU-T T.81, table B.1). */
export const END_OF_IMAGE = 0xd9;
const START_OF_IMAGE = 0xd8;
/** Between SOF0 and SOF15, but no frames: DHT, JPG and DAC. */
const NO_FRAMES = [0xc4, 0xc8, 0xcc];
/** SOF2, 6, 10 and 14. */
const PROGRESSIVE = [0xc2, 0xc6, 0xca, 0xce];

export const isFrame = (code: number): boolean => code >= 0xc0 && code <= 0xcf && !NO_FRAMES.includes(code);
export const isProgressive = (code: number): boolean => PROGRESSIVE.includes(code);

export interface Marker {
  readonly code: number;
  /** Position behind the two bytes of the marker. */
  readonly at: number;
}

/**
 * The markers of a JPEG in turn, restarts not among them, as libjpeg finds them: a segment is passed over by its
 * length, stray bytes between segments are passed over as well, and so is compressed data.
 */
export async function* markers(bytes: FileBytes): AsyncGenerator<Marker> {
  let marker = await markerFrom(bytes, 2);
  while (marker !== null) {
    yield marker;
    const { code, at } = marker;
    const isBare = code === START_OF_IMAGE || code === END_OF_IMAGE || at + 2 > bytes.size;
    // A length below that of its own two bytes is none: the search goes on behind it.
    const skip = isBare ? 0 : Math.max(2, (await bytes.at(at, 2)).getUint16(0));
    marker = await markerFrom(bytes, at + skip);
  }
}

async function markerFrom(bytes: FileBytes, from: number): Promise<Marker | null> {
  for (let at = from; at + 2 <= bytes.size; ) {
    const window = await bytes.window(at);
    let i = window.indexOf(0xff);
    while (i >= 0 && i + 1 < window.length) {
      const code = window[i + 1]!;
      if (!isNothing(code)) return { code, at: at + i + 2 };
      i = window.indexOf(0xff, i + (code === 0xff ? 1 : 2));
    }
    at += i < 0 ? window.length : i;
  }
  return null;
}

/** Padding, a 0xff of compressed data, TEM, and RST0 to RST7, which stand within compressed data. */
function isNothing(code: number): boolean {
  return code === 0xff || code <= 0x01 || (code >= 0xd0 && code <= 0xd7);
}
