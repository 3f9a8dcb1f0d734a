import { open } from "node:fs/promises";
import { type CacheProblem, keepFile } from "../files/cache-file.ts";
import type { Earlier } from "./decode-images.ts";

/** Node reads at most 2 GiB at once. */
const CHUNK_BYTES = 2 ** 28;

/**
 * Decoded squares from a cache file: the pixels of every image and, when some could not be read, a byte for each
 * that is 1 for these.
 *
 * @param count how many images
 * @param each bytes of one square
 * @returns null when there is no such file, or it is not of this length
 */
export async function readPixels(file: string, count: number, each: number): Promise<Earlier | null> {
  const handle = await open(file).catch(() => null);
  if (handle === null) return null;
  try {
    const { size } = await handle.stat();
    const pixelBytes = count * each;
    if (size !== pixelBytes && size !== pixelBytes + count) return null;
    const bytes = new Uint8Array(size);
    for (let at = 0; at < size; ) {
      const { bytesRead } = await handle.read(bytes, at, Math.min(CHUNK_BYTES, size - at), at);
      if (bytesRead === 0) return null;
      at += bytesRead;
    }
    const marks = bytes.subarray(pixelBytes);
    const failed = Array.from(marks.keys()).filter((image) => marks[image] === 1);
    return { pixels: bytes.subarray(0, pixelBytes), failed };
  } catch {
    // A cache that cannot be read is no cache.
    return null;
  } finally {
    await handle.close();
  }
}

/** @returns what went wrong, or null */
export function keepPixels(
  file: string,
  pixels: Uint8Array,
  count: number,
  failed: readonly number[],
): Promise<CacheProblem> {
  if (failed.length === 0) return keepFile(file, [pixels]);
  const marks = new Uint8Array(count);
  for (const image of failed) marks[image] = 1;
  return keepFile(file, [pixels, marks]);
}
