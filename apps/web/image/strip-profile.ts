import type { ImageCodecName } from "#shared/codecs";

/**
 * The same image without its colour profile: Chromium writes one of 456 bytes into every file, as much as a sixth of
 * a small image, and the service takes all images for sRGB. A file that is not as expected stays as it is.
 */
export function stripProfile(file: Uint8Array, codec: ImageCodecName): Uint8Array {
  return STRIP[codec](file) ?? file;
}

/** @returns null for a file that is not as expected */
const STRIP: Readonly<Record<ImageCodecName, (file: Uint8Array) => Uint8Array | null>> = {
  jpeg: stripJpeg,
  webp: stripWebp,
};

/** Application segments 2 hold profiles (ICC.1, annex B.4); the scan and all behind it is copied. */
const [APP2, SCAN] = [0xe2, 0xda];

function stripJpeg(file: Uint8Array): Uint8Array | null {
  const kept = [file.subarray(0, 2)];
  for (let at = 2; at + 4 <= file.length; ) {
    const [start, marker] = [file[at]!, file[at + 1]!];
    if (start !== 0xff) return null;
    if (marker === SCAN) return joined([...kept, file.subarray(at)]);
    const end = at + 2 + ((file[at + 2]! << 8) | file[at + 3]!);
    if (marker !== APP2) kept.push(file.subarray(at, end));
    at = end;
  }
  return null;
}

/** Of an extended file its one chunk of lossy pixels, as a simple file (RFC 9649, sections 2.5 and 2.7). */
function stripWebp(file: Uint8Array): Uint8Array | null {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  for (let at = 12; at + 8 <= file.length; ) {
    const end = at + 8 + view.getUint32(at + 4, true);
    const padded = end + (end & 1);
    if (textAt(file, at) === "VP8 ") {
      if (padded > file.length) return null;
      const stripped = joined([file.subarray(0, 12), file.subarray(at, padded)]);
      new DataView(stripped.buffer).setUint32(4, stripped.length - 8, true);
      return stripped;
    }
    // Transparency stands in a chunk of its own.
    if (textAt(file, at) === "ALPH") return null;
    at = padded;
  }
  return null;
}

const textAt = (file: Uint8Array, at: number): string => String.fromCharCode(...file.subarray(at, at + 4));

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
