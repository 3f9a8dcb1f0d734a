import { EddiError } from "#shared/errors";
import type { ImageHeader } from "../../image/image-header.ts";

const EXPECTED = "expected a PNG, JPEG, WebP, GIF, BMP, AVIF, ICO or SVG image";

/** What to tell who gave a file of which the browser shows nothing. */
export async function refusal(file: Blob, header: ImageHeader | null): Promise<EddiError> {
  return new EddiError("bad-image", await wordsFor(file, header));
}

async function wordsFor(file: Blob, header: ImageHeader | null): Promise<string> {
  if (header?.format === "HEIC") return foreign("a HEIC photo");
  if (header !== null) {
    return `expected a ${header.format} image that can be decoded, got one of which this browser shows nothing`;
  }
  if (file.size === 0) return `${EXPECTED}, got an empty file`;
  const name = await nameOf(file);
  return name === null ? `${EXPECTED}, got ${file.type || "something else"}` : foreign(name);
}

function foreign(name: string): string {
  return `${EXPECTED}, got ${name}, which this browser does not show: save it as a JPEG`;
}

/** Formats that people have pictures in, by their first bytes, as Latin-1. */
const NAMES: readonly (readonly [RegExp, string])[] = [
  [/^(II\*\0|MM\0\*)/, "a TIFF or raw photo"],
  [/^(\xff\n|\0\0\0\fJXL )/, "a JPEG XL image"],
  [/^(\0\0\0\fjP {2}|\xffO\xffQ)/, "a JPEG 2000 image"],
  [/^8BPS/, "a Photoshop file"],
  [/^%PDF/, "a PDF"],
  [/^(....ftyp|.E\xdf\xa3|RIFF....AVI )/s, "a video"],
];

async function nameOf(file: Blob): Promise<string | null> {
  const start = String.fromCharCode(...new Uint8Array(await file.slice(0, 16).arrayBuffer()));
  return NAMES.find(([pattern]) => pattern.test(start))?.[1] ?? null;
}
