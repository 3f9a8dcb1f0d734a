import { readFile } from "node:fs/promises";
import sharp from "sharp";
import { EddiError } from "#shared/errors";

export interface DecodeJob {
  readonly files: readonly string[];
  /** Height and width in pixels of the squares. */
  readonly size: number;
  /** As the camera was held (EXIF), as a browser shows it; else as the pixels lie. */
  readonly turned: boolean;
  readonly onProgress?: (done: number, total: number) => void;
}

export interface Decoded {
  /** RGB, 0..255: uint8 [files, size, size, 3]; zeros where an image is unreadable. */
  readonly pixels: Uint8Array;
  readonly unreadable: readonly Unreadable[];
}

export interface Unreadable {
  /** Index of the file. */
  readonly at: number;
  readonly reason: string;
}

/** Decoded before; `failed` holds the indices of the files that are to be tried again. */
export interface Earlier {
  readonly pixels: Uint8Array;
  readonly failed: readonly number[];
}

/** Images under way at once. */
const DECODERS = 8;

/**
 * Decodes images to squares, a few at once; all of them, or those that failed earlier.
 *
 * @throws EddiError `too-large` when the squares fit no array
 */
export async function decodeImages(job: DecodeJob, earlier?: Earlier): Promise<Decoded> {
  const { files, size, onProgress } = job;
  const each = size * size * 3;
  const pixels = earlier?.pixels ?? allocate(files.length, each);
  const wanted = earlier?.failed ?? files.map((_, at) => at);
  const unreadable: Unreadable[] = [];
  let next = 0;
  let done = 0;
  const decodeNext = async (): Promise<void> => {
    while (next < wanted.length) {
      const at = wanted[next++]!;
      try {
        pixels.set(await decode(files[at]!, job), at * each);
      } catch (error) {
        unreadable.push({ at, reason: firstLine(error) });
      }
      onProgress?.(++done, wanted.length);
    }
  };
  await Promise.all(Array.from({ length: DECODERS }, decodeNext));
  return { pixels, unreadable: unreadable.sort((a, b) => a.at - b.at) };
}

/** @returns RGB: uint8 [size, size, 3] */
async function decode(file: string, { size, turned }: DecodeJob): Promise<Uint8Array> {
  // From memory: a decoder that keeps files by name would not see one that was mended.
  const image = sharp(await readFile(file));
  const upright = turned ? image.autoOrient() : image;
  const square = upright.resize(size, size, { fit: "fill" }).toColourspace("srgb").removeAlpha();
  return square.raw().toBuffer();
}

function allocate(count: number, each: number): Uint8Array {
  try {
    return new Uint8Array(count * each);
  } catch (cause) {
    const gigabytes = ((count * each) / 1e9).toFixed(1);
    const expected = `expected a data set that fits in memory, got ${count} photos that take ${gigabytes} GB`;
    throw new EddiError("too-large", expected, { cause });
  }
}

const firstLine = (error: unknown): string => (error as Error).message.split("\n")[0]!.trim();
